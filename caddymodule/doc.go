// Package caddymodule is the plug-in: the data_api app, the handlers and the authentication provider that serve it,
// the modules that keep its data and run its queries. It registers the routes of package admin and the commands of package
// cli.
//
// It holds what is Caddy's alone: modules and their settings, placeholders, the order in which configurations come and go. It
// decides nothing about a request. What it wires together lives in internal packages that know no Caddy, and package server
// puts them together. Who watches calls is in package telemetry, where they log is package logging's affair.
//
// Start reading at [App] in app.go. lifecycle.go says how one configuration follows another, serve.go how a request enters
// the configuration in force.
package caddymodule
