package config

import "encoding/json"

// Bbolt keeps everything in one bbolt file. The server holds the file locked while it runs.
type Bbolt struct {
	// The file. Missing directories are made, with access for the server's user only.
	// The default is data-api/data-api.db in Caddy's data directory.
	Path string `json:"path,omitempty"`
}

// SQLite is a SQLite database file that endpoints read. It is opened read-only and never created.
type SQLite struct {
	// The database file. Required.
	Path string `json:"path,omitempty"`

	// The most connections, and so the most queries at once. The default is the number of CPUs, at least 8.
	MaxConns int `json:"max_conns,omitempty"`
}

// Postgres is a PostgreSQL database that endpoints read.
type Postgres struct {
	// The connection string, as a URL or as keywords and values. Placeholders such as {env.WAREHOUSE_URL} are replaced
	// when the configuration is loaded; a missing one is an error. When no connection can be made, {file.PATH} is read anew,
	// so that a password can be changed without a reload. Every keyword of PostgreSQL's libpq is honoured, or refused by
	// name. Required.
	DSN string `json:"dsn,omitempty"`

	// The most connections, and so the most queries at once. The default is 8.
	MaxConns int `json:"max_conns,omitempty"`

	// Accept a role that is a superuser, may replicate, make roles or signal other sessions, or may touch the server's
	// files. Endpoints then run with those rights: a mistake in a statement can reach far beyond the data. The default
	// is to refuse such a role.
	AllowSuperuser bool `json:"allow_superuser,omitempty"`

	// The role that statements run as, of which the connection's role must be a member. The default is the connection's
	// role itself.
	Role string `json:"role,omitempty"`

	// Show the database who asks, for row-level security: in each statement's transaction the settings data_api.company,
	// data_api.user and data_api.share_context hold the caller's company, user and share context (as JSON).
	// A role must be given that cannot execute set_config, so that no statement can change them; the source refuses
	// to run on any other.
	Claims bool `json:"claims,omitempty"`

	// Use claims although the role may execute set_config, or although there is none. Every author of an endpoint file
	// can then claim to be anybody. The default is to refuse that.
	AllowSetConfig bool `json:"allow_set_config,omitempty"`

	// Rely on nothing that lasts longer than a transaction, as a proxy such as PgBouncer in transaction mode needs:
	// no prepared statements, no settings of the session. Every query is then parsed and planned when it runs.
	NoStatementCache bool `json:"no_statement_cache,omitempty"`

	// The number of connections, beside max_conns, that short queries of many callers share at once: those of sync
	// endpoints with `limits: { timeout: 1s }` or less, whose parameters are no arrays. A result over 64 KiB, or a query
	// that takes over 100 ms, is run again on a connection of its own. The most is 16; not with claims, nor without the
	// statement cache. The default is 0: every query has a connection of its own.
	Lanes int `json:"lanes,omitempty"`
}

// Execute configures the handler that runs endpoints and serves jobs.
type Execute struct {
	// The largest request body, in bytes. The default is 262144 (256 KiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// Who vouches for callers inside the handler: the authentication provider `data_api_jwt`, which is named under
	// `provider`. Whoever presents no good token is answered 401. The default is that nobody does, and the handler serves
	// only callers for whom that provider has vouched earlier in the route, in Caddy's authentication handler.
	AuthenticatorRaw json.RawMessage `json:"authenticator,omitempty" caddy:"namespace=http.authentication.providers inline_key=provider"`
}

// DefaultMaxBody is the largest request body when the configuration does not say, in bytes.
const DefaultMaxBody = 256 << 10
