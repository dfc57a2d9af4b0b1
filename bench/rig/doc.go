// Package rig runs the product for a measurement: a Caddy of its own with a catalog, a store, an admin socket and keys.
//
// It uses the product as an operator does: a Caddyfile, the binary, the command line. It measures nothing itself; the commands
// beside it do.
//
// Start reading at [Start].
package rig
