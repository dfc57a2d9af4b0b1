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
	err := parseBlock(d, "", nil,
		option{name: "catalog", read: text(d, &app.Catalog, "./catalog")},
		option{name: "strict", read: flag(d, &app.Strict)},
		option{name: "store", read: func() (err error) {
			app.StoreRaw, err = parseGuest(d, "data_api.stores", "store")
			return err
		}},
		option{name: "source", read: func() error { return parseSource(d, app) }, repeats: true},
		option{name: "tokens", read: block(d, &app.Tokens, parseTokens)},
		option{name: "jobs", read: block(d, &app.Jobs, parseJobs)},
		option{name: "callbacks", read: block(d, &app.Callbacks, parseCallbacks)},
		option{name: "answers", read: block(d, &app.Answers, parseAnswers)},
		option{name: "cache", read: block(d, &app.Cache, parseCache)},
		option{name: "audit", read: block(d, &app.Audit, parseAudit)},
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
	return parseBlock(d, "tokens", tokens.Validate,
		option{name: "access_ttl", read: duration(d, &tokens.AccessTTL, "10m")},
		option{name: "algorithm", read: text(d, &tokens.Algorithm, "EdDSA")},
		option{name: "audience", read: text(d, &tokens.Audience, "https://api.example.com")},
		option{name: "hs256_secret", read: text(d, &tokens.HS256Secret, "{env.TOKEN_SECRET}")},
		option{name: "issuer", read: text(d, &tokens.Issuer, "https://api.example.com")},
		option{name: "refresh_ttl", read: duration(d, &tokens.RefreshTTL, "168h")},
		option{name: "throttle", read: func() error { return parseThrottle(d, tokens) }},
		option{name: "trust", read: func() error { return parseTrust(d, tokens) }, repeats: true},
	)
}

func parseJobs(d *caddyfile.Dispenser, jobs *config.Jobs) error {
	return parseBlock(d, "jobs", jobs.Validate,
		option{name: "per_company", read: number(d, &jobs.PerCompany, "3")},
		option{name: "quota", read: quota(d, &jobs.Quota, "10GiB")},
		option{name: "retention", read: duration(d, &jobs.Retention, "24h")},
		option{name: "waiting_callers", read: number(d, &jobs.WaitingCallers, "1000")},
		option{name: "workers", read: number(d, &jobs.Workers, "4")},
	)
}

func parseCallbacks(d *caddyfile.Dispenser, callbacks *config.Callbacks) error {
	return parseBlock(d, "callbacks", callbacks.Validate,
		option{name: "allow", read: words(d, func(hosts []string) { callbacks.Allow = append(callbacks.Allow, hosts...) },
			"at least one HOST:PORT, such as 127.0.0.1:3101")},
	)
}

func parseAnswers(d *caddyfile.Dispenser, answers *config.Answers) error {
	return parseBlock(d, "answers", answers.Validate, option{name: "memory", read: quota(d, &answers.Memory, "128MiB")})
}

func parseCache(d *caddyfile.Dispenser, cache *config.Cache) error {
	return parseBlock(d, "cache", cache.Validate,
		option{name: "max_result", read: quota(d, &cache.MaxResult, "1MiB")},
		option{name: "size", read: quota(d, &cache.Size, "64MiB")},
	)
}

func parseAudit(d *caddyfile.Dispenser, audit *config.Audit) error {
	return parseBlock(d, "audit", nil, option{name: "parameters", read: flag(d, &audit.Parameters)})
}
