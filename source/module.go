package source

import "log/slog"

// Module is what a Caddy module in the namespace data_api.sources implements. Its options are read and checked before any of
// these methods is called, by Caddy's own interfaces: caddyfile.Unmarshaler, caddy.Provisioner, caddy.Validator.
type Module interface {
	// SourceKey identifies all settings of the source: configurations of the same module with the same key share one source,
	// which so outlives a reload, and a changed setting makes a new one beside the old. It may contain secrets; it is hashed
	// before use.
	SourceKey() string

	// OpenSource makes the source, which is closed when the last configuration that shares it is gone. It must neither
	// block nor do I/O: a database that is down must not keep the server from starting. The logger is the source's own to keep.
	OpenSource(logger *slog.Logger) (Source, error)

	// Dialect reads statements for this kind of database. It is called on a module without options, too.
	Dialect() Dialect
}
