// Package caddyfile reads the product's Caddyfile syntax: the global data_api block and the directives data_api and
// data_api_problem. It turns tokens into the structs of package config and emits JSON.
//
// It needs no module's Go type, so it does not import caddymodule: a source or a store reads its own block. Whether a value is
// allowed is for the Validate methods of package config to say.
//
// Start reading at parseApp in app.go. A block is a table of package options, so a new option is a line in a table; site.go
// has the directives.
package caddyfile
