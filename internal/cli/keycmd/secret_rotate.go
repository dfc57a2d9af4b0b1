package keycmd

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var rotateSecret = command.Command{
	Use:   "rotate --company SLUG --user NAME",
	Short: "Makes a new secret, and prints it, once; callbacks carry the old one's signature too for a while",
	Flags: func(cmd *cobra.Command) {
		command.CompanyUserFlags(cmd)
		command.DurationFlag(cmd, "overlap", dataapi.DefaultOverlap, "how long the old secret signs too; 0s ends it at once")
	},
	Run: func(c *command.Call) error {
		request := admin.SecretRequest{Company: c.String("company"), User: c.String("user"), Overlap: c.Duration("overlap").String()}
		return command.Ask(c, http.MethodPost, admin.RotateSecretPath, request, func(secret admin.Secret) error { return printSecret(c, secret) })
	},
}
