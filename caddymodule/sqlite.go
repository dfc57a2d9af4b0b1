package caddymodule

import (
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/options"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/source"
)

func init() {
	caddy.RegisterModule(new(SQLiteSource))
}

// SQLiteSource is a SQLite database file that endpoints read. It is opened read-only and never created.
type SQLiteSource struct {
	// The database file. Required.
	Path string `json:"path,omitempty"`

	// The most connections, and so the most queries at once. The default is the number of CPUs, at least 8.
	MaxConns int `json:"max_conns,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*SQLiteSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.sources.sqlite", New: func() caddy.Module { return new(SQLiteSource) }}
}

// UnmarshalCaddyfile reads `sqlite [FILE] { path FILE; max_conns N }`.
func (s *SQLiteSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the kind
	if d.NextArg() {
		s.Path = d.Val()
	}
	err := options.Read(d, "sqlite", nil,
		options.Elsewhere("authors"),
		options.Number("max_conns", &s.MaxConns, "8"),
		options.Text("path", &s.Path, "./data/demo.db"),
	)
	if err == nil && s.Path == "" {
		return d.Err("sqlite needs the database's file: write `source NAME sqlite FILE`")
	}
	return err
}

// Provision resolves the path. It does not touch the file.
func (s *SQLiteSource) Provision(caddy.Context) error { return resolvePath(&s.Path) }

// Validate reports settings that cannot be used.
func (s *SQLiteSource) Validate() error {
	settings := s.settings(nil)
	if err := settings.Validate(); err != nil {
		return fmt.Errorf("data_api.sources.sqlite: %w", err)
	}
	return nil
}

// SourceKey is the file's absolute path and the settings.
func (s *SQLiteSource) SourceKey() string { return sourceKey(s.Path, s) }

// Dialect is SQLite's.
func (*SQLiteSource) Dialect() source.Dialect { return sqlite.Dialect }

// OpenSource makes the source; the file is opened at the first use.
func (s *SQLiteSource) OpenSource(logger *slog.Logger) (source.Source, error) {
	return sqlite.New(s.settings(logger))
}

func (s *SQLiteSource) settings(logger *slog.Logger) sqlite.Config {
	return sqlite.Config{Path: s.Path, MaxConns: s.MaxConns, Logger: logger}
}

// Interface guards.
var (
	_ source.Module         = (*SQLiteSource)(nil)
	_ caddyfile.Unmarshaler = (*SQLiteSource)(nil)
	_ caddy.Provisioner     = (*SQLiteSource)(nil)
	_ caddy.Validator       = (*SQLiteSource)(nil)
)
