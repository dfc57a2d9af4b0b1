package keycmd

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var rotateSigningKey = command.Command{
	Use: "rotate", Short: "Publishes a new key, which signs once everybody who verifies tokens can know it",
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().Bool("now", false, "let the new key sign at once; others who verify tokens may refuse some meanwhile")
	},
	Run: func(c *command.Call) error {
		request := admin.RotateSigningKeyRequest{Now: c.Bool("now")}
		return command.Ask(c, http.MethodPost, admin.SigningKeysPath+"/rotate", request, func(key token.KeyInfo) error {
			if key.State == token.KeySigning {
				return c.Printf("%s signs from now on.\n", key.ID)
			}
			return c.Printf("%s is published, and signs from %s on.\n", key.ID, key.SignsFrom.Format(time.RFC3339))
		})
	},
}
