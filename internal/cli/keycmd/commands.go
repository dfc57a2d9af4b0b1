package keycmd

import "github.com/solucao42/caddy-data-api/internal/cli/command"

// The groups of commands.
var (
	Keys = command.Command{
		Use: "keys", Short: "Makes, lists, rotates and revokes API keys",
		Below: []command.Command{createKey, listKeys, rotateKey, revokeKey},
	}
	SigningKeys = command.Command{
		Use: "signing-keys", Short: "Lists, rotates and withdraws the keys that sign tokens",
		Below: []command.Command{listSigningKeys, rotateSigningKey, withdrawSigningKey},
	}
	CallbackSecret = showSecret.With(rotateSecret)
	ConsoleLink    = makeConsoleLink
)
