// Package server is the composition root: the one place that puts all parts together. Others get what they need handed in.
//
// A [Backend] is an open store and what lives as long as it does: API keys, the key ring, token families, the job engine,
// the dispatcher of callbacks. All configurations of a store use one, which the first of them opens: see [Shared].
//
// A [Server] is one configuration: its catalog, compiled for its sources. Over a backend it has its [Services], which end
// in the HTTP API. caddymodule makes one for each configuration that Caddy loads; package servertest makes one for a test.
//
// The package knows no Caddy, and no driver of a store or a database: its caller opens those and hands them in. It
// decides nothing either; the packages that it joins do. Start reading at [New].
package server
