package caddyfile

import (
	"encoding/json"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/options"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("data_api", parseApp)
	httpcaddyfile.RegisterDirective("data_api", parseSite)
	// It answers its own paths only, so it may come before the handlers that answer every request; but behind encode,
	// which compresses its answers.
	httpcaddyfile.RegisterDirectiveOrder("data_api", httpcaddyfile.After, "encode")
	httpcaddyfile.RegisterDirective("data_api_problem", parseProblem)
	httpcaddyfile.RegisterDirectiveOrder("data_api_problem", httpcaddyfile.After, "acme_server") // the last of Caddy's
}

// parseApp reads the global block:
//
//	data_api {
//		catalog   DIR
//		strict
//		store     NAME [ARGS...] [{ ... }]
//		source    NAME KIND [ARGS...] [{ authors COMPANY...; ... }]
//		tokens    { issuer URL; audience NAME; access_ttl 10m; refresh_ttl 168h; algorithm EdDSA; hs256_secret {env.X}; hs256_previous X; throttle { ... } }
//		jobs      { workers 4; per_company 3; waiting_callers 1000; quota 10GiB; retention 24h }
//		callbacks { allow HOST:PORT... }
//		answers   { memory 128MiB }
//		cache     { size 64MiB; max_result 1MiB }
//		usage     { retention 90d }
//		audit     { parameters }
//		tracing   { sql }
//		metrics   { company on }
//		slow_queries 1s { plan }
//	}
func parseApp(d *caddyfile.Dispenser, previous any) (any, error) {
	d.Next() // consume the option's name
	if previous != nil {
		return nil, d.Err("data_api is configured twice: keep one global data_api block")
	}
	if d.NextArg() {
		return nil, d.Errf("data_api takes no argument here, only a block; got %q", d.Val())
	}
	app := new(config.App)
	err := options.Read(d, "", nil,
		options.Text("catalog", &app.Catalog, "./catalog"),
		options.Flag("strict", &app.Strict),
		options.Custom("store", func(d *caddyfile.Dispenser) (err error) {
			app.StoreRaw, err = parseModule(d, "data_api.stores", "store")
			return err
		}),
		options.Custom("source", func(d *caddyfile.Dispenser) error { return parseSource(d, app) }).Repeated(),
		options.Block("tokens", &app.Tokens, parseTokens),
		options.Block("jobs", &app.Jobs, parseJobs),
		options.Block("callbacks", &app.Callbacks, parseCallbacks),
		options.Block("answers", &app.Answers, parseAnswers),
		options.Block("cache", &app.Cache, parseCache),
		options.Block("usage", &app.Usage, parseUsage),
		options.Block("audit", &app.Audit, parseAudit),
		options.Block("tracing", &app.Tracing, parseTracing),
		options.Block("metrics", &app.Metrics, parseMetrics),
		options.Duration("slow_queries", &app.SlowQueries, "1s").With(options.Flag("plan", &app.SlowQueryPlans)),
	)
	if err != nil {
		return nil, err
	}
	if app.Catalog == "" {
		return nil, d.Err("data_api needs a catalog: write `catalog DIR`, the directory that holds the endpoint files")
	}
	if len(app.SourcesRaw) == 0 {
		return nil, d.Err("data_api needs a source: write `source NAME sqlite FILE` or `source NAME postgres DSN`")
	}
	return httpcaddyfile.App{Name: "data_api", Value: caddyconfig.JSON(app, nil)}, nil
}

func parseSource(d *caddyfile.Dispenser, app *config.App) error {
	d, authors, err := splitAuthors(d)
	if err != nil {
		return err
	}
	if !d.NextArg() {
		return d.Err("source needs a name and a kind, such as `source warehouse postgres {env.WAREHOUSE_URL}`")
	}
	name := d.Val()
	if kinds := moduleNames("data_api.sources"); slices.Contains(kinds, name) {
		more := d.NextArg()
		if !more || !slices.Contains(kinds, d.Val()) {
			return d.Errf("source needs a name of your choice before its kind: write `source NAME %s ...`", name)
		}
		d.Prev()
	}
	if !dataapi.ValidSlug(name) {
		return d.Errf("%q cannot name a source: a name has %s", name, dataapi.SlugRule)
	}
	if _, ok := app.SourcesRaw[name]; ok {
		return d.Errf("source %q is configured twice", name)
	}
	raw, err := parseModule(d, "data_api.sources", "source")
	if err != nil {
		return err
	}
	if app.SourcesRaw == nil {
		app.SourcesRaw = make(map[string]json.RawMessage)
	}
	app.SourcesRaw[name] = raw
	if len(authors) > 0 {
		if app.Authors == nil {
			app.Authors = make(map[string][]string)
		}
		app.Authors[name] = authors
	}
	return nil
}

// parseModule reads the name of a module and leaves the rest of the segment to the module itself.
func parseModule(d *caddyfile.Dispenser, namespace, inlineKey string) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Errf("%s needs a kind: allowed are %s", inlineKey, dataapi.Listing(moduleNames(namespace)))
	}
	kind := d.Val()
	id := namespace + "." + kind
	if _, err := caddy.GetModule(id); err != nil {
		return nil, d.Errf("unknown %s %q%s", inlineKey, kind, options.Allowed(kind, moduleNames(namespace)))
	}
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(module, inlineKey, kind, nil), nil
}

func parseTokens(d *caddyfile.Dispenser, tokens *config.Tokens) error {
	return options.Read(d, "tokens", tokens.Validate,
		options.Duration("access_ttl", &tokens.AccessTTL, "10m"),
		options.Text("algorithm", &tokens.Algorithm, "EdDSA"),
		options.Text("audience", &tokens.Audience, "https://api.example.com"),
		options.Text("hs256_previous", &tokens.HS256Previous, "{file./run/secrets/token-before}"),
		options.Text("hs256_secret", &tokens.HS256Secret, "{env.TOKEN_SECRET}"),
		options.Text("issuer", &tokens.Issuer, "https://api.example.com"),
		options.Duration("refresh_ttl", &tokens.RefreshTTL, "168h"),
		options.Custom("throttle", func(d *caddyfile.Dispenser) error { return parseThrottle(d, tokens) }),
		options.Custom("trust", func(d *caddyfile.Dispenser) error { return parseTrust(d, tokens) }).Repeated(),
	)
}

func parseJobs(d *caddyfile.Dispenser, jobs *config.Jobs) error {
	return options.Read(d, "jobs", jobs.Validate,
		options.Number("per_company", &jobs.PerCompany, "3"),
		options.Bytes("quota", &jobs.Quota, "10GiB"),
		options.Duration("retention", &jobs.Retention, "24h"),
		options.Number("waiting_callers", &jobs.WaitingCallers, "1000"),
		options.Number("workers", &jobs.Workers, "4"),
	)
}

func parseCallbacks(d *caddyfile.Dispenser, callbacks *config.Callbacks) error {
	return options.Read(d, "callbacks", callbacks.Validate,
		options.Words("allow", "at least one HOST:PORT, such as 127.0.0.1:3101", func(hosts []string) {
			callbacks.Allow = append(callbacks.Allow, hosts...)
		}),
	)
}

func parseAnswers(d *caddyfile.Dispenser, answers *config.Answers) error {
	return options.Read(d, "answers", answers.Validate, options.Bytes("memory", &answers.Memory, "128MiB"))
}

func parseCache(d *caddyfile.Dispenser, cache *config.Cache) error {
	return options.Read(d, "cache", cache.Validate,
		options.Bytes("max_result", &cache.MaxResult, "1MiB"),
		options.Bytes("size", &cache.Size, "64MiB"),
	)
}

func parseUsage(d *caddyfile.Dispenser, usage *config.Usage) error {
	return options.Read(d, "usage", usage.Validate, options.Duration("retention", &usage.Retention, "90d"))
}

func parseAudit(d *caddyfile.Dispenser, audit *config.Audit) error {
	return options.Read(d, "audit", nil, options.Flag("parameters", &audit.Parameters))
}

func parseTracing(d *caddyfile.Dispenser, tracing *config.Tracing) error {
	return options.Read(d, "tracing", nil, options.Flag("sql", &tracing.SQL))
}

func parseMetrics(d *caddyfile.Dispenser, metrics *config.Metrics) error {
	company := true
	err := options.Read(d, "metrics", nil, options.OnOff("company", &company, "off"))
	metrics.WithoutCompany = !company
	return err
}

// moduleNames lists the modules that this binary holds in a namespace.
func moduleNames(namespace string) []string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	slices.Sort(names)
	return names
}
