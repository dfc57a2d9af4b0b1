// Package keycmd has the commands of API keys, of the keys that sign tokens, of the secrets that callbacks are signed with, and of the
// links that sign users in to the console. They are for operators.
//
// Each command asks the running server through Caddy's admin API. The package makes no key or secret itself and opens no store: it
// prints what the server has made, and a secret only once.
//
// Start reading in commands.go, which has the groups; each command is in a file of its own, such as keys_create.go.
package keycmd
