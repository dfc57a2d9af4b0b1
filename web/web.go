package web

import "embed"

// Dist holds the files below the directory dist. dist/index.html is the document of both faces; it has placeholders, such as
// __BASE__ and __NONCE__, that the server fills in. What is below dist/assets has a hash of its contents in its name, and may
// be kept for ever.
//
//go:embed all:dist
var Dist embed.FS
