package caddymodule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
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

// StoreModule is a guest in the namespace data_api.stores.
type StoreModule interface {
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
	if s.Path == "" {
		return fmt.Errorf("data_api.sources.sqlite: path is missing: name the database's file")
	}
	return validMaxConns("sqlite", s.MaxConns)
}

// SourceKey is the file's absolute path and the settings.
func (s *SQLiteSource) SourceKey() string { return sourceKey("sqlite", s.Path, s.MaxConns) }

// Dialect is SQLite's.
func (*SQLiteSource) Dialect() source.Dialect { return sqlite.Dialect }

// OpenSource makes the source; the file is opened at the first use.
func (s *SQLiteSource) OpenSource(logger *slog.Logger) (source.Source, error) {
	return sqlite.New(sqlite.Config{Path: s.Path, MaxConns: s.MaxConns, Logger: logger})
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
	if p.Claims && p.Role == "" && !p.AllowSetConfig {
		return fmt.Errorf("data_api.sources.postgres: claims need a role that cannot execute set_config: name it with role")
	}
	if p.AllowSetConfig && !p.Claims {
		return fmt.Errorf("data_api.sources.postgres: allow_set_config is for claims, which are off")
	}
	if p.Lanes < 0 || p.Lanes > postgres.MaxLanes {
		return fmt.Errorf("data_api.sources.postgres: lanes is %d: it must lie between 0 and %d", p.Lanes, postgres.MaxLanes)
	}
	if p.Lanes > 0 && (p.Claims || p.NoStatementCache) {
		return fmt.Errorf("data_api.sources.postgres: lanes can be used neither with claims nor with statement_cache off")
	}
	return validMaxConns("postgres", p.MaxConns)
}

// SourceKey is the connection string, as it stands and with its placeholders replaced, and the settings.
func (p *PostgresSource) SourceKey() string {
	return sourceKey("postgres", p.template, p.DSN, p.MaxConns, p.AllowSuperuser, p.Role, p.Claims, p.AllowSetConfig, p.NoStatementCache,
		p.Lanes)
}

// Dialect is PostgreSQL's.
func (*PostgresSource) Dialect() source.Dialect { return postgres.Dialect }

// OpenSource makes the source; it connects at the first use. A password in {file.X} is read again when the database
// refuses the one that was there.
func (p *PostgresSource) OpenSource(logger *slog.Logger) (source.Source, error) {
	return postgres.New(postgres.Config{
		DSN: p.DSN, Renew: func() (string, error) { return rereadSecret("dsn", p.template) },
		MaxConns: p.MaxConns, AllowSuperuser: p.AllowSuperuser, Role: p.Role, Claims: p.Claims,
		AllowSetConfig: p.AllowSetConfig, NoStatementCache: p.NoStatementCache, Lanes: p.Lanes, Logger: logger,
	})
}

// knownDialects are those of all sources that this binary knows: for catalogs that are read without a configuration.
func knownDialects() []source.Dialect {
	var known []source.Dialect
	for _, info := range caddy.GetModules("data_api.sources") {
		if module, ok := info.New().(source.Module); ok {
			known = append(known, module.Dialect())
		}
	}
	return known
}

func sourceKey(kind string, settings ...any) string {
	var key strings.Builder
	key.WriteString(strconv.Quote(kind))
	for _, setting := range settings {
		fmt.Fprintf(&key, " %q", fmt.Sprint(setting))
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

func validMaxConns(kind string, conns int) error {
	const most = 10_000
	if conns < 0 || conns > most {
		return fmt.Errorf("data_api.sources.%s: max_conns is %d: it must lie between 1 and %d", kind, conns, most)
	}
	return nil
}

// Interface guards.
var (
	_ StoreModule           = (*BboltStore)(nil)
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
