package caddymodule

import (
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// observers watch the calls of all configurations. They live as long as the process: what they count must not fall when a
// configuration is replaced.
var observers = observe.Observers{tracing.Observer{}}
