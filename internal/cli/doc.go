// Package cli is the command `caddy data-api`. Most commands ask a running server through its admin API, whose requests
// and answers are the types of package admin; check and openapi need no server.
//
// Start reading at the table in commands.go: a command is a line there, or in the table of its group in keycmd, jobcmd or
// storecmd, and a file that holds its texts, its flags and what it does. Package command is what they share. It imports Caddy
// for its command line and its client of the admin API, and gets from the plug-in how a configuration is provisioned.
package cli
