package metrics

import (
	"context"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// View is a configuration as its gauges show it.
type View struct {
	// Company is whether the company is a label of calls and of those who wait.
	Company bool

	// Catalog says what there is. It is asked every few minutes.
	Catalog func() Catalog

	// Read reads what is in memory. It must not block, nor ask a database.
	Read func() State

	// Store asks the store. It may block until ctx ends; it is asked again only after it has answered, at most once a second.
	Store func(ctx context.Context) (StoreState, error)
}

// Catalog names what the series may be about.
type Catalog struct {
	Companies map[string]bool
	Endpoints map[dataapi.Address]bool
}

// has reports whether everything is there that a key names.
func (c *Catalog) has(about key) bool {
	return (about.company == "" || c.Companies[about.company]) &&
		(about.endpoint == dataapi.Address{} || c.Endpoints[about.endpoint])
}

// State is what is known in memory at one moment.
type State struct {
	Sources []SourceState

	Endpoints, Faults int
	CatalogRead       time.Time // when the catalog was last read; zero: never

	CacheBytes int64

	KeyExpiry    map[string]time.Time // when the next key of a company expires; a company none of whose keys does is not in it
	SigningSince time.Time            // since when the present key signs tokens; zero: the configuration's secret does

	DeadCallbacks int // -1: not known yet

	Standing *Standing // nil: the store is this server's alone
}

// Standing is what the server knows of the others that share its store, and whether it hears of them.
type Standing struct {
	Servers int
	Silence time.Duration
	Signals bool
}

// SourceState is a source at one moment.
type SourceState struct {
	Name string
	Up   bool // it has answered when it was asked last, or was never asked

	Counted            bool // it says how many connections it has
	InUse, Idle, Limit int

	Waiting map[string]int // calls and jobs that wait for a place, by company
}

// StoreState is the store at one moment.
type StoreState struct {
	Size                     int64 // bytes
	JobsWaiting, JobsRunning int
	OldestJob                time.Time // when the job was accepted that has waited longest; zero: none waits
	CallbacksDue             int
}
