// Package caddyfile reads the product's Caddyfile syntax: the global data_api block and the directives data_api and
// data_api_problem. It turns tokens into the structs of internal/config and emits JSON; it needs no module's Go type.
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
)

func init() {
	httpcaddyfile.RegisterGlobalOption("data_api", parseApp)
	httpcaddyfile.RegisterDirective("data_api", parseSite)
	// It answers its own paths only, so it may stand before the handlers that answer every request; but behind encode,
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
//		source    NAME KIND [ARGS...] [{ ... }]
//		tokens    { issuer URL; audience NAME; access_ttl 10m; refresh_ttl 168h; algorithm EdDSA; hs256_secret {env.X}; throttle { ... } }
//		jobs      { workers 4; per_company 3; waiting_callers 1000; quota 10GiB; retention 24h }
//		callbacks { allow HOST:PORT... }
//		answers   { memory 128MiB }
//		cache     { size 64MiB; max_result 1MiB }
//		audit     { parameters }
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
	seen := make(map[string]bool)
	for d.NextBlock(0) {
		option := d.Val()
		if option != "source" && seen[option] {
			return nil, d.Errf("%s is set twice", option)
		}
		seen[option] = true
		if err := parseAppOption(d, app, option); err != nil {
			return nil, err
		}
	}
	if app.Catalog == "" {
		return nil, d.Err("data_api needs a catalog: write `catalog DIR`, the directory that holds the endpoint files")
	}
	if len(app.SourcesRaw) == 0 {
		return nil, d.Err("data_api needs a source: write `source NAME sqlite FILE` or `source NAME postgres DSN`")
	}
	return httpcaddyfile.App{Name: "data_api", Value: caddyconfig.JSON(app, nil)}, nil
}

func parseAppOption(d *caddyfile.Dispenser, app *config.App, option string) error {
	switch option {
	case "catalog":
		return oneArg(d, &app.Catalog)
	case "strict":
		if d.NextArg() {
			return d.Errf("strict takes no argument; got %q", d.Val())
		}
		app.Strict = true
		return nil
	case "store":
		raw, err := parseGuest(d, "data_api.stores", "store")
		app.StoreRaw = raw
		return err
	case "source":
		return parseSource(d, app)
	case "tokens":
		app.Tokens = new(config.Tokens)
		return parseTokens(d, app.Tokens)
	case "jobs":
		app.Jobs = new(config.Jobs)
		return parseJobs(d, app.Jobs)
	case "callbacks":
		app.Callbacks = new(config.Callbacks)
		return parseCallbacks(d, app.Callbacks)
	case "answers":
		app.Answers = new(config.Answers)
		return parseAnswers(d, app.Answers)
	case "cache":
		app.Cache = new(config.Cache)
		return parseCache(d, app.Cache)
	case "audit":
		app.Audit = new(config.Audit)
		return parseAudit(d, app.Audit)
	default:
		return d.Errf("unknown option %q%s", option,
			allowed(option, []string{"catalog", "strict", "store", "source", "tokens", "jobs", "callbacks", "answers", "cache", "audit"}))
	}
}

func parseSource(d *caddyfile.Dispenser, app *config.App) error {
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
	raw, err := parseGuest(d, "data_api.sources", "source")
	if err != nil {
		return err
	}
	if app.SourcesRaw == nil {
		app.SourcesRaw = make(map[string]json.RawMessage)
	}
	app.SourcesRaw[name] = raw
	return nil
}

// parseGuest reads the name of a guest module and leaves the rest of the segment to the module itself.
func parseGuest(d *caddyfile.Dispenser, namespace, inlineKey string) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Errf("%s needs a kind: allowed are %s", inlineKey, dataapi.Listing(moduleNames(namespace)))
	}
	kind := d.Val()
	id := namespace + "." + kind
	if _, err := caddy.GetModule(id); err != nil {
		return nil, d.Errf("unknown %s %q%s", inlineKey, kind, allowed(kind, moduleNames(namespace)))
	}
	guest, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(guest, inlineKey, kind, nil), nil
}

func parseTokens(d *caddyfile.Dispenser, tokens *config.Tokens) error {
	checked := func(read func() error) func() error {
		return validated(d, read, func() error { return tokens.Validate() })
	}
	return parseRepeatable(d, "tokens", "trust", map[string]func() error{
		"trust":        checked(func() error { return parseTrust(d, tokens) }),
		"issuer":       func() error { return oneArg(d, &tokens.Issuer) },
		"audience":     func() error { return oneArg(d, &tokens.Audience) },
		"algorithm":    checked(func() error { return oneArg(d, &tokens.Algorithm) }),
		"access_ttl":   checked(func() error { return oneDuration(d, &tokens.AccessTTL) }),
		"refresh_ttl":  checked(func() error { return oneDuration(d, &tokens.RefreshTTL) }),
		"hs256_secret": checked(func() error { return oneArg(d, &tokens.HS256Secret) }),
		"throttle":     func() error { return parseThrottle(d, tokens) },
	})
}

func parseJobs(d *caddyfile.Dispenser, jobs *config.Jobs) error {
	checked := func(read func() error) func() error {
		return validated(d, read, func() error { return jobs.Validate() })
	}
	return parseBlock(d, "jobs", map[string]func() error{
		"workers":         checked(func() error { return oneInt(d, &jobs.Workers) }),
		"per_company":     func() error { return oneInt(d, &jobs.PerCompany) }, // workers may stand behind it
		"waiting_callers": checked(func() error { return oneInt(d, &jobs.WaitingCallers) }),
		"quota":           checked(func() error { return oneQuota(d, &jobs.Quota) }),
		"retention":       checked(func() error { return oneDuration(d, &jobs.Retention) }),
	})
}

func parseCallbacks(d *caddyfile.Dispenser, callbacks *config.Callbacks) error {
	allow := func() error {
		hosts := d.RemainingArgs()
		if len(hosts) == 0 {
			return d.Err("allow needs at least one HOST:PORT, such as 127.0.0.1:3101")
		}
		callbacks.Allow = append(callbacks.Allow, hosts...)
		return nil
	}
	return parseBlock(d, "callbacks", map[string]func() error{
		"allow": validated(d, allow, func() error { return callbacks.Validate() }),
	})
}

func parseAnswers(d *caddyfile.Dispenser, answers *config.Answers) error {
	return parseBlock(d, "answers", map[string]func() error{
		"memory": validated(d, func() error { return oneQuota(d, &answers.Memory) }, func() error { return answers.Validate() }),
	})
}

func parseCache(d *caddyfile.Dispenser, cache *config.Cache) error {
	return parseBlock(d, "cache", map[string]func() error{
		"size":       validated(d, func() error { return oneQuota(d, &cache.Size) }, func() error { return cache.Validate() }),
		"max_result": validated(d, func() error { return oneQuota(d, &cache.MaxResult) }, func() error { return cache.Validate() }),
	})
}

// validated adds the configuration's own checks to the reader of an option, so that what they find has a line.
func validated(d *caddyfile.Dispenser, read, validate func() error) func() error {
	return func() error {
		if err := read(); err != nil {
			return err
		}
		if err := validate(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}
