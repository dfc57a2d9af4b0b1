package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// App configures the data_api app: where endpoints come from, which databases they run on, and where keys, jobs and
// results are kept. One app serves every site that uses its handlers.
type App struct {
	// The directory that holds the endpoint files, as COMPANY/NAMESPACE/SLUG.sql beside COMPANY/company.yaml.
	// It is watched: a changed file takes effect without a reload. Required.
	Catalog string `json:"catalog,omitempty"`

	// Whether a catalog with a fault is refused as a whole, with the configuration that names it. By default an endpoint or a
	// company at fault is left out, which the log and `caddy data-api status` say, and everything else is served: a fault
	// of one author, or of one database, takes no other site down. Pipelines should rather run `caddy data-api check`.
	Strict bool `json:"strict,omitempty"`

	// Where keys, tokens' families, jobs, results, deliveries, usage and what the console keeps are. The default is a bbolt file in Caddy's data directory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=data_api.stores inline_key=store"`

	// The databases that endpoints run on, by the name that endpoint files use. At least one is required.
	SourcesRaw map[string]json.RawMessage `json:"sources,omitempty" caddy:"namespace=data_api.sources inline_key=source"`

	// The companies whose users may publish statements from the console, by source: they see there whatever the source's role sees. A
	// source that is not named has none. By default nobody may publish anything; files of the catalog need no author.
	Authors map[string][]string `json:"authors,omitempty"`

	// How access and refresh tokens are made and checked.
	Tokens *Tokens `json:"tokens,omitempty"`

	// How asynchronous jobs are run and kept.
	Jobs *Jobs `json:"jobs,omitempty"`

	// Where and how the end of a job is announced.
	Callbacks *Callbacks `json:"callbacks,omitempty"`

	// What answers hold in memory until their readers have taken them.
	Answers *Answers `json:"answers,omitempty"`

	// The results that are kept in memory, of endpoints with limits.cache.
	Cache *Cache `json:"cache,omitempty"`

	// How long it is kept who has called what.
	Usage *Usage `json:"usage,omitempty"`

	// What the audit log holds. It is written to the logger data_api.audit, one line for each event, so that a log can
	// `include` it and another one `exclude` it.
	Audit *Audit `json:"audit,omitempty"`

	// What spans show, where Caddy's tracing handler is in front of the API.
	Tracing *Tracing `json:"tracing,omitempty"`

	// How long a query may take before it is written to the logger data_api.slow, with who has called, what, and the parameters
	// that are not sensitive. The default is 0: none is. Jobs count with the time of their last attempt.
	SlowQueries caddy.Duration `json:"slow_queries,omitempty"`

	// Whether the plan of a slow query is written there, too. The database is asked for it by EXPLAIN, which does not run the query
	// again: for 2 seconds at most, for one query at a time, and once a minute for an endpoint. The plan shows no values. It is
	// the one for the values of the call, at that moment. By default it is not. Jobs have none.
	SlowQueryPlans bool `json:"slow_query_plans,omitempty"`

	// What the metrics of Prometheus show. They are in Caddy's own registry, which its metrics handler and its admin API serve.
	Metrics *Metrics `json:"metrics,omitempty"`
}

// Callbacks configures the announcement of a job's end.
type Callbacks struct {
	// Hosts, as HOST:PORT, that callbacks may reach although they are private addresses, and over plain HTTP too.
	// By default callbacks go to public addresses only, over HTTPS, at port 443.
	Allow []string `json:"allow,omitempty"`
}

// Metrics configures what metrics show.
type Metrics struct {
	// Whether the label company is left empty, where there are so many companies that a series for each is too much. By default
	// each company has series of its own. When this changes with a reload, calls are counted from zero.
	WithoutCompany bool `json:"without_company,omitempty"`
}

// Audit configures the audit log.
type Audit struct {
	// Whether the values of parameters are written to the audit log, with "***" for those that their endpoint file calls
	// sensitive. By default they do not.
	Parameters bool `json:"parameters,omitempty"`
}

// Tracing configures what spans show. Whether there are any, and where they go, is for Caddy's tracing handler to say.
type Tracing struct {
	// Whether the span of a query shows the SQL of its endpoint, as the file has it, without the values of parameters. By
	// default it does not.
	SQL bool `json:"sql,omitempty"`
}

// SetDefaults fills in what was left out. It is idempotent.
func (a *App) SetDefaults() {
	if a.Tokens == nil {
		a.Tokens = new(Tokens)
	}
	if a.Jobs == nil {
		a.Jobs = new(Jobs)
	}
	if a.Callbacks == nil {
		a.Callbacks = new(Callbacks)
	}
	if a.Audit == nil {
		a.Audit = new(Audit)
	}
	if a.Tracing == nil {
		a.Tracing = new(Tracing)
	}
	if a.Metrics == nil {
		a.Metrics = new(Metrics)
	}
	if a.Cache == nil {
		a.Cache = new(Cache)
	}
	if a.Usage == nil {
		a.Usage = new(Usage)
	}
	if a.Answers == nil {
		a.Answers = new(Answers)
	}
	setDefault(&a.Answers.Memory, DefaultAnswerMemory)
	a.Tokens.setDefaults()
	a.Jobs.setDefaults()
	a.Cache.setDefaults()
	setDefault(&a.Usage.Retention, caddy.Duration(usage.DefaultRetention))
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports everything that is wrong with the settings at once. It expects defaults to be set, and secrets
// to be resolved.
func (a *App) Validate() error {
	var faults []error
	if a.Catalog == "" {
		faults = append(faults, errors.New("catalog is missing: name the directory that holds the endpoint files"))
	}
	if a.Tokens.Algorithm == token.HS256 && a.Tokens.HS256Secret == "" {
		faults = append(faults, errors.New("tokens.algorithm is HS256: set tokens.hs256_secret, such as {env.TOKEN_SECRET}"))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Authors)) {
		for _, company := range a.Authors[name] {
			if !dataapi.ValidSlug(company) {
				faults = append(faults, fmt.Errorf("authors.%s: %q cannot be a company; a company's slug is %s", name, company, dataapi.SlugRule))
			}
		}
	}
	if a.Tokens.HS256Previous != "" && a.Tokens.HS256Secret == "" {
		faults = append(faults, errors.New("tokens.hs256_previous verifies beside tokens.hs256_secret: set that too"))
	}
	if a.SlowQueryPlans && a.SlowQueries == 0 {
		faults = append(faults, errors.New("slow_query_plans is for slow_queries: say how long a query may take"))
	}
	faults = append(faults, a.Tokens.Validate(), a.Jobs.Validate(), a.Callbacks.Validate(), a.Cache.Validate(), a.Answers.Validate(), a.Usage.Validate())
	return errors.Join(faults...)
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (c *Callbacks) Validate() error {
	var faults []error
	for _, allowed := range c.Allow {
		if err := callback.CheckHost(allowed); err != nil {
			faults = append(faults, fmt.Errorf("callbacks.allow %q: %w", allowed, err))
		}
	}
	return errors.Join(faults...)
}
