package caddyfile

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/mcp"
	"github.com/solucao42/caddy-data-api/internal/options"
)

// The paths that the directive routes. They are part of the HTTP contract.
var (
	executePaths = caddyhttp.MatchPath(dataapi.CallerPaths())
	// What is left of the first: the exchanges, and the 404 of all else. The others are public: the keys of tokens, and what clients of OAuth have to know.
	tokenPaths = caddyhttp.MatchPath{dataapi.PathAuth + "/*", dataapi.PathJWKS, dataapi.PathOAuth}
)

// parseSite expands the directive into a route for what callers ask for, and one for its other handlers:
//
//	data_api [<matcher>] {
//		max_body 256KiB
//		base_url https://api.example.com/edge
//		cors { origins https://app.example; max_age 1h }
//		docs /docs | off
//		console /console | off
//		mcp [/mcp]
//		server_timing
//		health off | { live /health/live; ready /health/ready; detail NETWORK... }
//	}
//
// The JWT authenticator guards the execute handler from inside it. Caddy's authentication handler in front of it, with
// error routes that answer what it refuses as the contract says, gives the same answers; but Caddy puts a subroute and its
// middleware together again for each request.
func parseSite(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume the directive's name
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	h.Next() // the extraction has rewound the segment
	execute, docs, console := config.Execute{AuthenticatorRaw: authenticator}, config.Docs{Path: config.DefaultDocsPath}, config.Console{}
	consoleSaid := false
	health := new(config.Health)
	var agents *config.MCP
	var cors *config.CORS
	check := func() error {
		_, err := dataapi.ParseBase(execute.BaseURL)
		return cmp.Or(docs.Validate(), console.Validate(), err)
	}
	err = options.Read(h.Dispenser, "data_api", check,
		options.Text("base_url", &execute.BaseURL, "https://api.example.com/edge"),
		options.Block("cors", &cors, parseCORS),
		options.Value("docs", &docs.Path, "/docs", pathOrOff),
		options.Value("console", &console.Path, "/console", func(path string) (string, string) {
			consoleSaid = true
			return pathOrOff(path)
		}),
		options.Custom("health", func(d *caddyfile.Dispenser) (err error) {
			health, err = parseHealth(d)
			return err
		}),
		options.Custom("mcp", func(d *caddyfile.Dispenser) (err error) {
			agents, err = parseMCP(d)
			return err
		}),
		options.BytesUpTo(maxBody, "a size from 1 byte to 64MiB, such as 256KiB or 1MB", "max_body", &execute.MaxBody, "256KiB"),
		options.Flag("server_timing", &execute.ServerTiming),
	)
	if err != nil {
		return nil, err
	}
	if console.Docs = docs.Path; !consoleSaid {
		console.Path = config.DefaultConsolePath
	}
	if err := console.Validate(); err != nil {
		if consoleSaid {
			return nil, h.WrapErr(err)
		}
		console.Path = "" // the documentation page is where it would be by itself
	}
	docs.Console = console.Path
	if err := config.CheckPlaces(places(docs, console, health, agents)...); err != nil {
		return nil, h.WrapErr(err)
	}
	forPages := func(r caddyhttp.Route) caddyhttp.Route {
		if cors != nil {
			r.HandlersRaw = slices.Insert(r.HandlersRaw, 0, caddyconfig.JSONModuleObject(cors, "handler", "data_api_cors", nil))
		}
		return r
	}
	var others behind
	others.add(h, tokenPaths, forPages(handled("data_api_token", config.Token{BaseURL: execute.BaseURL})))
	if docs.Path != "" {
		others.add(h, caddyhttp.MatchPath{docs.Path, docs.Path + "/*"}, handled("data_api_docs", docs))
	}
	if console.Path != "" {
		others.add(h, caddyhttp.MatchPath{console.Path, console.Path + "/*"}, handled("data_api_console", console))
	}
	if health != nil {
		paths := config.Health{Live: health.Live, Ready: health.Ready}
		paths.SetDefaults()
		others.add(h, caddyhttp.MatchPath{paths.Live, paths.Ready}, handled("data_api_health", health))
	}
	if agents != nil {
		agents.MaxBody, agents.BaseURL = execute.MaxBody, execute.BaseURL
		path := cmp.Or(agents.Path, config.DefaultMCPPath)
		described := mcp.MetadataPath(path)
		others.add(h, caddyhttp.MatchPath{path, path + "/*", described, described + "/*"}, forPages(handled("data_api_mcp", agents)))
	}
	routes := caddyhttp.RouteList{ // in this order: some paths of the first are among those of the second
		at(h, executePaths, forPages(handled("data_api_execute", execute))), others.route(h),
	}
	if matcher != nil {
		return h.NewRoute(matcher, &caddyhttp.Subroute{Routes: routes}), nil
	}
	values := make([]httpcaddyfile.ConfigValue, len(routes))
	for i := range routes {
		values[i] = httpcaddyfile.ConfigValue{Class: "route", Value: routes[i]}
	}
	return values, nil
}

// places are those that the directive's handlers answer beside the API.
func places(docs config.Docs, console config.Console, health *config.Health, agents *config.MCP) []config.Place {
	all := []config.Place{{Setting: "docs", Path: docs.Path, Below: true}, {Setting: "console", Path: console.Path, Below: true}}
	if health != nil {
		paths := config.Health{Live: health.Live, Ready: health.Ready}
		paths.SetDefaults()
		all = append(all, config.Place{Setting: "health.live", Path: paths.Live}, config.Place{Setting: "health.ready", Path: paths.Ready})
	}
	if agents != nil {
		all = append(all, config.Place{Setting: "mcp", Path: cmp.Or(agents.Path, config.DefaultMCPPath), Below: true})
	}
	return all
}

// pathOrOff reads a path, or off for no path.
func pathOrOff(path string) (string, string) {
	if path == "off" {
		path = ""
	}
	return path, ""
}

// parseMCP reads the option that lets agents in; its path may be left out.
func parseMCP(d *caddyfile.Dispenser) (*config.MCP, error) {
	agents := new(config.MCP)
	if d.NextArg() {
		agents.Path = d.Val()
	}
	if d.NextArg() {
		return nil, d.Errf("mcp takes one path; %q is one too many", d.Val())
	}
	if err := agents.Validate(); err != nil {
		return nil, d.WrapErr(err)
	}
	return agents, nil
}

// parseCORS reads the option cors:
//
//	cors {
//		origins https://app.example https://other.example | *
//		max_age 1h
//	}
func parseCORS(d *caddyfile.Dispenser, cors *config.CORS) error {
	return options.Read(d, "cors", cors.Validate,
		options.Words("origins", "at least one origin, such as https://app.example", func(origins []string) { cors.Origins = origins }),
		options.Value("max_age", &cors.MaxAge, "1h", func(argument string) (*caddy.Duration, string) {
			length, err := caddy.ParseDuration(argument)
			if err != nil {
				return nil, "a duration from 0s to 24h, such as 10m or 1h"
			}
			return new(caddy.Duration(length)), ""
		}),
	)
}

// parseProblem expands the directive that answers with problem documents:
//
//	data_api_problem [<matcher>]
//
// In handle_errors it answers what led there, elsewhere with 404: it comes behind all other handlers, so that it gets
// only what none of them has answered.
func parseProblem(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume the directive's name
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	h.Next() // the extraction has rewound the segment
	if h.NextArg() || h.NextBlock(0) {
		return nil, h.Errf("data_api_problem takes a matcher and nothing else; got %q", h.Val())
	}
	answer := caddyhttp.Route{HandlersRaw: []json.RawMessage{caddyconfig.JSONModuleObject(struct{}{}, "handler", "data_api_problem", nil)}}
	if matcher != nil {
		answer.MatcherSetsRaw = []caddy.ModuleMap{matcher}
	}
	return []httpcaddyfile.ConfigValue{{Class: "route", Value: answer}}, nil
}

// authenticator names the module that authenticates callers.
var authenticator = json.RawMessage(`{"provider":"data_api_jwt"}`)

// handled is a route of one handler.
func handled(handler string, settings any) caddyhttp.Route {
	return caddyhttp.Route{HandlersRaw: []json.RawMessage{caddyconfig.JSONModuleObject(settings, "handler", handler, nil)}}
}

// at is a route for these paths.
func at(h httpcaddyfile.Helper, paths caddyhttp.MatchPath, r caddyhttp.Route) caddyhttp.Route {
	r.MatcherSetsRaw = []caddy.ModuleMap{{"path": h.JSON(paths)}}
	return r
}

// behind are the routes that are asked for seldom, in one route of their own: in a site with a host Caddy puts together, again for each
// request, all routes of the site.
type behind struct {
	paths  caddyhttp.MatchPath
	routes caddyhttp.RouteList
}

func (b *behind) add(h httpcaddyfile.Helper, paths caddyhttp.MatchPath, r caddyhttp.Route) {
	b.paths = append(b.paths, paths...)
	b.routes = append(b.routes, at(h, paths, r))
}

func (b *behind) route(h httpcaddyfile.Helper) caddyhttp.Route {
	return at(h, b.paths, handled("subroute", caddyhttp.Subroute{Routes: b.routes}))
}

// maxBody bounds max_body: a body is held in memory while it is decoded.
const maxBody = 64 << 20
