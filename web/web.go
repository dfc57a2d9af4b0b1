// Package web holds the built console, which is the documentation page too: one application with two faces. Its source is
// TypeScript in src; `make web` builds dist, which is committed, since xcaddy runs no npm.
package web

import "embed"

// Dist holds the files below the directory dist. dist/index.html is the document of both faces; it has placeholders, such as
// __BASE__ and __NONCE__, that the server fills in. What is below dist/assets has a hash of its contents in its name, and may
// be kept for ever.
//
//go:embed all:dist
var Dist embed.FS
