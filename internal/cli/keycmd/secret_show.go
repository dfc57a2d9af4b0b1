package keycmd

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var showSecret = command.Command{
	Use:   "callback-secret --company SLUG --user NAME",
	Short: "Makes the secret that a user's callbacks are signed with, and prints it, once",
	Flags: command.CompanyUserFlags,
	Run: func(c *command.Call) error {
		request := admin.SecretRequest{Company: c.String("company"), User: c.String("user")}
		return command.Ask(c, http.MethodPost, admin.SecretPath, request, func(secret admin.Secret) error { return printSecret(c, secret) })
	},
}

func printSecret(c *command.Call, secret admin.Secret) error { return c.Printf("%s\n", secret.Secret) }
