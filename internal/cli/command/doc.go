// Package command is what the commands of `caddy data-api` share: what one command is, how a running server is found and asked,
// how flags are read and answers are printed.
//
// It knows no single command, and not how a configuration is provisioned: the plug-in hands that in, as a [Provision].
//
// Start reading at [Command] and [Ask].
package command
