package cli

import (
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var rotateKey = command{
	use:   "rotate API_KEY [--overlap 24h]",
	short: "Makes a successor of an API key and prints its secret, once; the old key works beside it for a while",
	args:  oneArgument("API_KEY"),
	flags: func(cmd *cobra.Command) {
		durationFlag(cmd, "overlap", dataapi.DefaultOverlap, "how long the old key works beside the new one; 0s ends it at once")
		durationFlag(cmd, "expires-in", 0, "when the new key ends, such as 90d; by default it lives as long as the old one was made for")
	},
	run: func(c *call) error {
		expiresAt, err := c.expiry()
		if err != nil {
			return err
		}
		request := admin.RotateKeyRequest{Overlap: c.Duration("overlap").String(), ExpiresAt: expiresAt}
		path := admin.KeysPath + "/" + url.PathEscape(c.args[0]) + "/rotate"
		return ask(c, http.MethodPost, path, request, func(rotated admin.RotatedKey) error {
			if err := c.printNewKey(rotated.NewKey); err != nil {
				return err
			}
			return c.printf("The old key %s works until %s.\n", rotated.Old.ID, rotated.Old.ExpiresAt.Format(time.RFC3339))
		})
	},
}
