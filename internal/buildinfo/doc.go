// Package buildinfo says what the running program was built from: its version, its commit, Go and Caddy. It is for operators who ask
// which version a server is.
//
// It knows only what Go, or the Makefile by the linker, has written into the program. It reads no file, runs no git and knows no
// configuration.
//
// Start reading at [Read].
package buildinfo
