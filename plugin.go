// Package caddydataapi is what `xcaddy build --with github.com/solucao42/caddy-data-api` imports: it registers the modules of
// the plug-in and nothing else. Importing package caddymodule does the same.
package caddydataapi

import _ "github.com/solucao42/caddy-data-api/caddymodule" // registers the modules
