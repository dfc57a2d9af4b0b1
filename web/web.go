// Package web holds the built console.
package web

import "embed"

// Dist is what the build has made, below dist.
//
//go:embed all:dist
var Dist embed.FS
