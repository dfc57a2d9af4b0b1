package keycmd

import (
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var rotateKey = command.Command{
	Use:   "rotate API_KEY [--overlap 24h]",
	Short: "Makes a successor of an API key and prints its secret, once; the old key works beside it for a while",
	Args:  command.OneArgument("API_KEY"),
	Flags: func(cmd *cobra.Command) {
		command.DurationFlag(cmd, "overlap", dataapi.DefaultOverlap, "how long the old key works beside the new one; 0s ends it at once")
		command.DurationFlag(cmd, "expires-in", 0, "when the new key ends, such as 90d; by default it lives as long as the old one was made for")
	},
	Run: func(c *command.Call) error {
		expiresAt, err := expiry(c)
		if err != nil {
			return err
		}
		request := admin.RotateKeyRequest{Overlap: c.Duration("overlap").String(), ExpiresAt: expiresAt}
		path := admin.KeysPath + "/" + url.PathEscape(c.Args[0]) + "/rotate"
		return command.Ask(c, http.MethodPost, path, request, func(rotated admin.RotatedKey) error {
			if err := printNewKey(c, rotated.NewKey); err != nil {
				return err
			}
			return c.Printf("The old key %s works until %s.\n", rotated.Old.ID, rotated.Old.ExpiresAt.Format(time.RFC3339))
		})
	},
}
