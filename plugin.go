package caddydataapi

import _ "github.com/solucao42/caddy-data-api/caddymodule" // registers the modules
