package admin

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/execution"
)

// Status is how the server fares.
type Status struct {
	Build     buildinfo.Info    `json:"build"`
	StartedAt time.Time         `json:"started_at"` // of the process
	At        time.Time         `json:"at"`         // of this document
	Sources   []SourceState     `json:"sources"`
	Jobs      JobCounts         `json:"jobs"`
	Store     StoreState        `json:"store"`
	Cache     CacheState        `json:"cache"`
	Endpoints EndpointCounts    `json:"endpoints"`
	Failing   []FailingEndpoint `json:"failing"` // whose last run failed for a reason of its own
	Faults    []string          `json:"faults"`
	Warnings  []string          `json:"warnings"`
}

// JobCounts says how many jobs are processing.
type JobCounts struct {
	Waiting         int       `json:"waiting"`
	Running         int       `json:"running"`
	OldestWaitingAt time.Time `json:"oldest_waiting_at,omitzero"` // when it was accepted
	Error           string    `json:"error,omitempty"`            // why they are not known
}

// StoreState is how large the store is, and what the server knows of others that use it.
type StoreState struct {
	Bytes    int64     `json:"bytes"`
	Error    string    `json:"error,omitempty"`    // why it is not known
	Standing *Standing `json:"standing,omitempty"` // nil: it is this server's alone
}

// Standing is what a server knows of the others that share its store, and whether it hears of them.
type Standing struct {
	Servers           int           `json:"servers"` // that are alive, this one included
	Signals           bool          `json:"signals"` // others' changes are signalled, and not only asked for
	Silence           time.Duration `json:"-"`
	SilenceSeconds    float64       `json:"silence_seconds"` // since what others have changed was last heard of
	StaleAfterSeconds float64       `json:"stale_after_seconds"`
	Stale             bool          `json:"stale"` // it has not been heard of for so long that requests are refused
}

// CacheState is what is cached of results, and how often it served since the configuration was loaded.
type CacheState struct {
	Entries   int    `json:"entries"`
	Bytes     int64  `json:"bytes"`
	Limit     int64  `json:"limit_bytes"`
	Hits      uint64 `json:"hits"`
	Stale     uint64 `json:"stale"`
	Misses    uint64 `json:"misses"`
	Collapsed uint64 `json:"collapsed"`
}

// EndpointCounts says how many endpoints the catalog has.
type EndpointCounts struct {
	Active   int `json:"active"`
	Inactive int `json:"inactive"`
}

// FailingEndpoint is an endpoint whose runs fail.
type FailingEndpoint struct {
	Endpoint string    `json:"endpoint"`
	Revision string    `json:"revision"`
	Since    time.Time `json:"since"`
	LastAt   time.Time `json:"last_at"`
	Failures int       `json:"failures"` // one after the other
	Code     string    `json:"code"`
	Error    string    `json:"error"` // without the values of sensitive parameters
}

// started is when the process began, as nearly as this package knows.
var started = time.Now()

// showStatus asks the sources, and so takes as long as they do to answer. What cannot be told leaves the rest to be told.
func (s *Services) showStatus(r *http.Request) (any, error) {
	document := Status{
		Build: buildinfo.Read(), StartedAt: started.UTC(), At: time.Now().UTC(), Sources: s.Sources(r.Context()),
		Jobs: s.countJobs(r), Store: s.storeState(r), Cache: cacheState(s.Cache.Stats()), Failing: failing(s.Plan()),
		Faults: withEffects(s.Catalog.Diagnostics()), Warnings: withEffects(s.Catalog.Warnings()),
		Endpoints: countEndpoints(s.Catalog.Current()),
	}
	return document, nil
}

func (s *Services) countJobs(r *http.Request) JobCounts {
	counts, err := s.Jobs.Counts(r.Context())
	if err != nil {
		return JobCounts{Error: err.Error()}
	}
	return JobCounts{Waiting: counts.Waiting, Running: counts.Running, OldestWaitingAt: counts.Oldest}
}

func (s *Services) storeState(r *http.Request) StoreState {
	state := StoreState{}
	if s.Standing != nil {
		state.Standing = s.Standing()
	}
	var err error
	if state.Bytes, err = s.Store.Size(r.Context()); err != nil {
		state.Error = err.Error()
	}
	return state
}

func cacheState(stats cache.Stats) CacheState {
	return CacheState{
		Entries: stats.Entries, Bytes: stats.Bytes, Limit: stats.Limit,
		Hits: stats.Hits, Stale: stats.Stale, Misses: stats.Misses, Collapsed: stats.Collapsed,
	}
}

func countEndpoints(snapshot *catalog.Snapshot) (counts EndpointCounts) {
	for _, endpoint := range snapshot.Endpoints() {
		if endpoint.Active {
			counts.Active++
		} else {
			counts.Inactive++
		}
	}
	return counts
}

func failing(plan *execution.Plan) []FailingEndpoint {
	all := []FailingEndpoint{}
	for _, found := range plan.Failing() {
		all = append(all, FailingEndpoint{
			Endpoint: found.Address.String(), Revision: found.Revision, Since: found.Since.UTC(), LastAt: found.Last.UTC(),
			Failures: found.Failures, Code: string(found.Code), Error: found.Error,
		})
	}
	return all
}
