package sqlite

import (
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// Dialect is how SQLite divides a statement into tokens, as far as its text alone tells.
var Dialect source.Dialect = sqltext.Rules{Backticks: true, Brackets: true}
