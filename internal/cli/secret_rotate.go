package cli

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var rotateSecret = command{
	use:   "rotate --company SLUG --user NAME",
	short: "Makes a new secret, and prints it, once; callbacks carry the old one's signature too for a while",
	flags: func(cmd *cobra.Command) {
		companyUserFlags(cmd)
		durationFlag(cmd, "overlap", dataapi.DefaultOverlap, "how long the old secret signs too; 0s ends it at once")
	},
	run: func(c *call) error {
		request := admin.SecretRequest{Company: c.String("company"), User: c.String("user"), Overlap: c.Duration("overlap").String()}
		return ask(c, http.MethodPost, admin.RotateSecretPath, request, c.printSecret)
	},
}
