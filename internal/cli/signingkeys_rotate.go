package cli

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var rotateSigningKey = command{
	use: "rotate", short: "Publishes a new key, which signs once everybody who verifies tokens can know it",
	flags: func(cmd *cobra.Command) {
		cmd.Flags().Bool("now", false, "let the new key sign at once; others who verify tokens may refuse some meanwhile")
	},
	run: func(c *call) error {
		request := admin.RotateSigningKeyRequest{Now: c.Bool("now")}
		return ask(c, http.MethodPost, admin.SigningKeysPath+"/rotate", request, func(key token.KeyInfo) error {
			if key.State == token.KeySigning {
				return c.printf("%s signs from now on.\n", key.ID)
			}
			return c.printf("%s is published, and signs from %s on.\n", key.ID, key.SignsFrom.Format(time.RFC3339))
		})
	},
}
