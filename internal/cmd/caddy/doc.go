// Command caddy is Caddy with the standard modules and this plug-in: what xcaddy.sh builds, in one `go build`. It
// serves tests and the demo, where a build of a few seconds matters.
//
// It must not differ from a build by xcaddy, so it has no code of its own. A release is built by xcaddy.sh.
// The plug-in begins in package caddymodule.
package main
