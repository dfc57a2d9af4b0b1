package main

import (
	_ "time/tzdata" // the standard build embeds it too

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/solucao42/caddy-data-api/caddymodule"
)

func main() {
	caddycmd.Main()
}
