package options

import (
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Allowed ends a sentence about a word that is not one of those allowed. Words that other systems use are known too.
func Allowed(word string, words []string) string {
	near := dataapi.Nearest(word, words)
	if meant := optionsMeant[strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(word))]; slices.Contains(words, meant) {
		near = meant
	}
	if near != "" {
		return "; did you mean " + near + "? Allowed are " + dataapi.Listing(words)
	}
	return ": allowed are " + dataapi.Listing(words)
}

// optionsMeant are words that other systems use for options of ours.
var optionsMeant = map[string]string{
	"database": "source", "db": "source", "datasource": "source", "storage": "store", "endpoints": "catalog", "directory": "catalog", "dir": "catalog",
	"auth": "tokens", "jwt": "tokens", "token": "tokens", "webhooks": "callbacks", "callback": "callbacks", "job": "jobs", "queue": "jobs",
	"conns": "max_conns", "connections": "max_conns", "poolsize": "max_conns", "maxconnections": "max_conns", "url": "dsn", "file": "path",
	"ttl": "access_ttl", "accesstokenttl": "access_ttl", "refreshtokenttl": "refresh_ttl",
	"secret": "hs256_secret", "alg": "algorithm", "aud": "audience", "iss": "issuer",
	"ratelimit": "throttle", "concurrency": "workers", "threads": "workers", "ttlresults": "retention", "keep": "retention", "ip": "address",
	"bodysize": "max_body", "maxsize": "max_body", "bodylimit": "max_body", "superuser": "allow_superuser", "rls": "claims",
	"postgresql": "postgres", "pg": "postgres", "pgx": "postgres", "sqlite3": "sqlite",
	"bolt": "bbolt", "jwksuri": "jwks", "jwksurl": "jwks", "tenant": "company",
}
