// Package caddydataapi is what `xcaddy build --with github.com/solucao42/caddy-data-api` imports: it registers the modules of
// the plug-in and nothing else. Importing package caddymodule does the same.
//
// It holds no code of its own: the module's path has to name a package, and Caddy's users expect that package to be the plug-in.
// Start reading in package caddymodule, or with the map in docs/architecture.md.
package caddydataapi
