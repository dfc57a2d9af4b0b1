package cli

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var showSecret = command{
	use:   "callback-secret --company SLUG --user NAME",
	short: "Makes the secret that a user's callbacks are signed with, and prints it, once",
	flags: companyUserFlags,
	run: func(c *call) error {
		request := admin.SecretRequest{Company: c.String("company"), User: c.String("user")}
		return ask(c, http.MethodPost, admin.SecretPath, request, c.printSecret)
	},
}

func (c *call) printSecret(secret admin.Secret) error { return c.printf("%s\n", secret.Secret) }
