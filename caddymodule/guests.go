package caddymodule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	dataapicaddyfile "github.com/solucao42/caddy-data-api/caddyfile"
	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/source"
)

func init() {
	caddy.RegisterModule(new(BboltStore))
	caddy.RegisterModule(new(SQLiteSource))
	caddy.RegisterModule(new(PostgresSource))
}

// storeModule is a guest in the namespace data_api.stores. Unlike a source, a store is a part of this module: its interface
// is internal until a second store has proved it.
type storeModule interface {
	// StoreKey is the identity of what the store keeps its data in, such as a file's absolute path, and never depends on
	// options: configurations with the same key share one open store. It is shown in the log and holds no secret.
	StoreKey() string

	// OpenStore opens the store. It may block and do I/O. It is called when the store is first needed, and again later
	// when it failed.
	OpenStore() (store.Store, error)
}

// BboltStore keeps keys, jobs, results and deliveries in one bbolt file, which the server holds locked while it runs.
type BboltStore struct {
	config.Bbolt
}

// CaddyModule returns the Caddy module information.
func (*BboltStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.stores.bbolt", New: func() caddy.Module { return new(BboltStore) }}
}

// UnmarshalCaddyfile reads `bbolt [FILE]`.
func (b *BboltStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return dataapicaddyfile.UnmarshalBbolt(d, &b.Bbolt)
}

// Provision resolves the path. It does not touch the file.
func (b *BboltStore) Provision(caddy.Context) error {
	if b.Path == "" {
		b.Path = filepath.Join(caddy.AppDataDir(), "data-api", "data-api.db")
	}
	return resolvePath(&b.Path)
}

// StoreKey is the file's absolute path.
func (b *BboltStore) StoreKey() string { return "bbolt:" + b.Path }

// OpenStore opens the file, and makes it when there is none.
func (b *BboltStore) OpenStore() (store.Store, error) {
	return boltstore.Open(b.Path, boltstore.Options{Logger: sharedLog.With(slog.String("part", "store"))})
}

// SQLiteSource is a SQLite database file that endpoints read.
type SQLiteSource struct {
	config.SQLite
}

// CaddyModule returns the Caddy module information.
func (*SQLiteSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.sources.sqlite", New: func() caddy.Module { return new(SQLiteSource) }}
}

// UnmarshalCaddyfile reads `sqlite FILE { max_conns N }`.
func (s *SQLiteSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return dataapicaddyfile.UnmarshalSQLite(d, &s.SQLite)
}

// Provision resolves the path. It does not touch the file.
func (s *SQLiteSource) Provision(caddy.Context) error { return resolvePath(&s.Path) }

// Validate reports settings that cannot be used.
func (s *SQLiteSource) Validate() error {
	settings := s.settings(nil)
	return inSource("sqlite", settings.Validate())
}

// SourceKey is the file's absolute path and the settings.
func (s *SQLiteSource) SourceKey() string { return sourceKey(s.Path, s.MaxConns) }

// Dialect is SQLite's.
func (*SQLiteSource) Dialect() source.Dialect { return sqlite.Dialect }

// OpenSource makes the source; the file is opened at the first use.
func (s *SQLiteSource) OpenSource(logger *slog.Logger) (source.Source, error) {
	return sqlite.New(s.settings(logger))
}

func (s *SQLiteSource) settings(logger *slog.Logger) sqlite.Config {
	return sqlite.Config{Path: s.Path, MaxConns: s.MaxConns, Logger: logger}
}

// PostgresSource is a PostgreSQL database that endpoints read.
type PostgresSource struct {
	config.Postgres

	template string // the connection string before its placeholders were replaced
}

// CaddyModule returns the Caddy module information.
func (*PostgresSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.sources.postgres", New: func() caddy.Module { return new(PostgresSource) }}
}

// UnmarshalCaddyfile reads `postgres DSN` and its options.
func (p *PostgresSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return dataapicaddyfile.UnmarshalPostgres(d, &p.Postgres)
}

// Provision resolves the secrets of the connection string.
func (p *PostgresSource) Provision(caddy.Context) error {
	p.template = p.DSN
	dsn, err := resolveSecret("dsn", p.template)
	p.DSN = dsn
	return err
}

// Validate reports settings that cannot be used. It does not connect.
func (p *PostgresSource) Validate() error {
	if p.DSN == "" {
		return fmt.Errorf("data_api.sources.postgres: dsn is missing: give the connection string, such as {env.WAREHOUSE_URL}")
	}
	settings := p.settings(nil)
	return inSource("postgres", settings.Validate())
}

// SourceKey is the connection string, as it stands and with its placeholders replaced, and the settings.
func (p *PostgresSource) SourceKey() string {
	return sourceKey(p.template, p.DSN, p.MaxConns, p.AllowSuperuser, p.Role, p.Claims, p.AllowSetConfig, p.NoStatementCache,
		p.Lanes)
}

// Dialect is PostgreSQL's.
func (*PostgresSource) Dialect() source.Dialect { return postgres.Dialect }

// OpenSource makes the source; it connects at the first use. A password in {file.X} is read again when the database
// refuses the one that was there.
func (p *PostgresSource) OpenSource(logger *slog.Logger) (source.Source, error) {
	return postgres.New(p.settings(logger))
}

func (p *PostgresSource) settings(logger *slog.Logger) postgres.Config {
	return postgres.Config{
		DSN: p.DSN, Renew: func() (string, error) { return rereadSecret("dsn", p.template) },
		MaxConns: p.MaxConns, AllowSuperuser: p.AllowSuperuser, Role: p.Role, Claims: p.Claims,
		AllowSetConfig: p.AllowSetConfig, NoStatementCache: p.NoStatementCache, Lanes: p.Lanes, Logger: logger,
	}
}

// sourceKind is the ID of a source's module: sources of two kinds are never the same, whatever their keys.
func sourceKind(guest any) string { return string(guest.(caddy.Module).CaddyModule().ID) }

func sourceKey(settings ...any) string {
	var key strings.Builder
	for _, setting := range settings {
		fmt.Fprintf(&key, "%q ", fmt.Sprint(setting))
	}
	return key.String()
}

// hashKey keeps secrets out of a pool's keys.
func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// resolveSecret replaces placeholders; one that has no value is an error, not an empty secret. The error does not show
// the setting's value.
func resolveSecret(setting, value string) (string, error) {
	resolved, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("data_api: %s: a placeholder has no value: %w", setting, err)
	}
	return resolved, nil
}

// rereadSecret replaces placeholders once more, while the server runs. Unlike Caddy's own replacement it logs nothing about
// a file that cannot be read, since it may be asked for often; its error says why.
func rereadSecret(setting, value string) (string, error) {
	replacer := caddy.NewReplacer().WithoutFile()
	var unreadable error
	replacer.Map(func(key string) (any, bool) {
		name, ok := strings.CutPrefix(key, "file.")
		if !ok {
			return nil, false
		}
		content, err := os.ReadFile(name)
		if err != nil {
			unreadable = err
			return nil, true
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), true
	})
	resolved, err := replacer.ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, cmp.Or(unreadable, err))
	}
	return resolved, nil
}

func resolvePath(path *string) error {
	if *path == "" {
		return nil
	}
	resolved, err := resolveSecret("path", *path)
	if err != nil {
		return err
	}
	*path, err = filepath.Abs(resolved)
	return err
}

// inSource names the module whose settings are at fault.
func inSource(kind string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("data_api.sources.%s: %w", kind, err)
}

// Interface guards.
var (
	_ storeModule           = (*BboltStore)(nil)
	_ source.Module         = (*SQLiteSource)(nil)
	_ source.Module         = (*PostgresSource)(nil)
	_ caddyfile.Unmarshaler = (*BboltStore)(nil)
	_ caddyfile.Unmarshaler = (*SQLiteSource)(nil)
	_ caddyfile.Unmarshaler = (*PostgresSource)(nil)
	_ caddy.Provisioner     = (*BboltStore)(nil)
	_ caddy.Provisioner     = (*SQLiteSource)(nil)
	_ caddy.Provisioner     = (*PostgresSource)(nil)
	_ caddy.Validator       = (*SQLiteSource)(nil)
	_ caddy.Validator       = (*PostgresSource)(nil)
)
