package caddyfile

import (
	"encoding/json"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"github.com/dustin/go-humanize"

	"github.com/solucao42/caddy-data-api/internal/config"
)

// The paths that the directive routes. They are part of the HTTP contract.
var (
	executePaths = caddyhttp.MatchPath{"/api/v1/auth/permissions", "/api/v1/data-api", "/api/v1/data-api/*"}
	// What is left of the first: the exchanges, and the 404 of all else. The second is the public keys of tokens.
	tokenPaths = caddyhttp.MatchPath{"/api/v1/auth/*", "/.well-known/jwks.json"}
)

// parseSite expands the directive into routes made of the three modules, as php_fastcgi does with its own:
//
//	data_api [<matcher>] {
//		max_body 256KiB
//		docs /docs | off
//	}
//
// The token handler answers the routes that need no token; the JWT authenticator guards the execute handler; and what
// the authenticator refuses is answered as the contract says instead of with an empty page.
func parseSite(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume the directive's name
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	h.Next() // the extraction has rewound the segment
	execute, docs := config.Execute{}, config.Docs{Path: config.DefaultDocsPath}
	err = parseBlock(h.Dispenser, "data_api", map[string]func() error{
		"max_body": func() error { return oneSize(h, &execute.MaxBody) },
		"docs":     func() error { return docsPath(h, &docs) },
	})
	if err != nil {
		return nil, err
	}
	api := &caddyhttp.Subroute{
		Routes: caddyhttp.RouteList{
			route(h, executePaths,
				handler("authentication", caddyauth.Authentication{
					ProvidersRaw: caddy.ModuleMap{"data_api_jwt": json.RawMessage("{}")},
				}),
				handler("data_api_execute", execute)),
			route(h, tokenPaths, handler("data_api_token", struct{}{})),
		},
		Errors: &caddyhttp.HTTPErrorConfig{
			Routes: caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{handler("data_api_problem", struct{}{})}}},
		},
	}
	paths := slices.Concat(executePaths, tokenPaths)
	if docs.Path != "" {
		docsPaths := caddyhttp.MatchPath{docs.Path, docs.Path + "/*"}
		api.Routes = append(api.Routes, route(h, docsPaths, handler("data_api_docs", docs)))
		paths = append(paths, docsPaths...)
	}
	if matcher == nil {
		return h.NewRoute(caddy.ModuleMap{"path": h.JSON(paths)}, api), nil
	}
	// Two subroutes: Caddy runs the error routes of one for whatever fails behind it, and there falls through to the
	// next handler a second time. So only our own paths may enter the one that has error routes.
	return h.NewRoute(matcher, &caddyhttp.Subroute{
		Routes: caddyhttp.RouteList{route(h, paths, caddyconfig.JSONModuleObject(api, "handler", "subroute", nil))},
	}), nil
}

// docsPath reads where the documentation page is; empty: nowhere.
func docsPath(h httpcaddyfile.Helper, docs *config.Docs) error {
	if err := oneArg(h.Dispenser, &docs.Path); err != nil {
		return err
	}
	if docs.Path == "off" {
		docs.Path = ""
		return nil
	}
	if err := docs.Validate(); err != nil {
		return h.WrapErr(err)
	}
	return nil
}

func route(h httpcaddyfile.Helper, paths caddyhttp.MatchPath, handlers ...json.RawMessage) caddyhttp.Route {
	return caddyhttp.Route{
		MatcherSetsRaw: []caddy.ModuleMap{{"path": h.JSON(paths)}},
		HandlersRaw:    handlers,
		Terminal:       true,
	}
}

func handler(name string, settings any) json.RawMessage {
	return caddyconfig.JSONModuleObject(settings, "handler", name, nil)
}

func oneSize(h httpcaddyfile.Helper, target *int64) error {
	var text string
	if err := oneArg(h.Dispenser, &text); err != nil {
		return err
	}
	size, err := humanize.ParseBytes(text)
	if err != nil || size < 1 || size > maxBody {
		return h.Errf("max_body must be a size from 1 byte to 64MiB, such as 256KiB or 1MB; got %q", text)
	}
	*target = int64(size)
	return nil
}

// maxBody bounds max_body: a body is held in memory while it is decoded.
const maxBody = 64 << 20
