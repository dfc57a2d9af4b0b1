package postgres

import (
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// Dialect is how PostgreSQL divides a statement into tokens, as far as its text alone tells.
var Dialect source.Dialect = sqltext.Rules{NestedComments: true, DollarQuotes: true, EscapeStrings: true}
