package config

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
	// when the configuration is loaded; a missing one is an error. Required.
	DSN string `json:"dsn,omitempty"`

	// The most connections, and so the most queries at once. The default is 8.
	MaxConns int `json:"max_conns,omitempty"`

	// Accept a role that is a superuser or may touch the server's files. Endpoints then run with those rights: a
	// mistake in a statement can reach far beyond the data. The default is to refuse such a role.
	AllowSuperuser bool `json:"allow_superuser,omitempty"`
}

// Execute configures the handler that runs endpoints and serves jobs.
type Execute struct {
	// The largest request body, in bytes. The default is 262144 (256 KiB).
	MaxBody int64 `json:"max_body,omitempty"`
}

// DefaultMaxBody is the largest request body when the configuration does not say, in bytes.
const DefaultMaxBody = 256 << 10
