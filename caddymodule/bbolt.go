package caddymodule

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/options"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/telemetry"
)

func init() {
	caddy.RegisterModule(new(BboltStore))
}

// storeModule is a module in the namespace data_api.stores. Unlike a source, a store is a part of this module: its interface
// is internal.
type storeModule interface {
	// StoreKey is the identity of what the store keeps its data in, such as a file's absolute path, and never depends on
	// options: configurations with the same key share one open store. It is shown in the log and holds no secret.
	StoreKey() string

	// StoreOptions are the options that the store is opened with, by their names, for one open store to be compared with another
	// configuration of it. The values may hold secrets, and are never shown.
	StoreOptions() map[string]string

	// OpenStore opens the store. It may block and do I/O. It is called when the store is first needed, and again later
	// when it failed.
	OpenStore() (store.Store, error)
}

// migratedStore is a store with a schema, which can be brought up to date without a server.
type migratedStore interface {
	MigrateStore(ctx context.Context, checkOnly bool) (pgstore.Schema, error)
}

// BboltStore keeps keys, jobs, results and deliveries in one bbolt file, which the server holds locked while it runs.
type BboltStore struct {
	// The file. Missing directories are made, with access for the server's user only.
	// The default is data-api/data-api.db in Caddy's data directory.
	Path string `json:"path,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*BboltStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.stores.bbolt", New: func() caddy.Module { return new(BboltStore) }}
}

// UnmarshalCaddyfile reads `bbolt [FILE]`, or `bbolt { path FILE }`.
func (b *BboltStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the kind
	if d.NextArg() {
		b.Path = d.Val()
	}
	return options.Read(d, "bbolt", nil, options.Text("path", &b.Path, "./data/demo.db"))
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

// StoreOptions are none: there is nothing but the file.
func (*BboltStore) StoreOptions() map[string]string { return nil }

// OpenStore opens the file, and makes it when there is none.
func (b *BboltStore) OpenStore() (store.Store, error) {
	return boltstore.Open(b.Path, boltstore.Options{
		Logger: sharedLog.With(slog.String("part", "store")), Committed: telemetry.Metrics.StoreCommitted,
	})
}

// Interface guards.
var (
	_ storeModule           = (*BboltStore)(nil)
	_ caddyfile.Unmarshaler = (*BboltStore)(nil)
	_ caddy.Provisioner     = (*BboltStore)(nil)
)
