package command

import (
	"context"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/execution"
)

// Offline is a configuration that was provisioned without a server. The process ends soon after, and with it what it holds.
type Offline struct {
	Catalog   *catalog.Catalog
	Directory string                 // of the catalog
	Check     func() error           // asks the databases about every statement, waits for the slowest, and returns the faults
	Plan      func() *execution.Plan // what is served, after Check

	// MigrateStore brings the schema of the store up to date, or only says how far it is. Nil: the store has none.
	MigrateStore func(ctx context.Context, checkOnly bool) (StoreSchema, error)
}

// StoreSchema says how far the schema of a store is.
type StoreSchema struct {
	Name    string
	Version int64   // the last step that was taken
	Pending []int64 // the steps that this program needs beyond it
	Newer   bool    // a newer version of this program has taken steps that this one does not know
}

// Provision provisions the configuration of a file, which the adapter of a name reads. A catalog with faults is
// provisioned in any case, so that they can be told.
type Provision func(file, adapter string) (*Offline, error)
