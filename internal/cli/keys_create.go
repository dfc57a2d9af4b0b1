package cli

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var createKey = command{
	use: "create --company SLUG --user NAME", short: "Makes an API key and prints its secret, once",
	flags: func(cmd *cobra.Command) {
		companyUserFlags(cmd)
		cmd.Flags().String("name", "", "a label, to tell the key from others")
		durationFlag(cmd, "expires-in", 0, "when the key ends, such as 90d; by default it does not")
	},
	run: func(c *call) error {
		expiresAt, err := c.expiry()
		if err != nil {
			return err
		}
		request := admin.NewKeyRequest{Company: c.String("company"), User: c.String("user"), Name: c.String("name"), ExpiresAt: expiresAt}
		return ask(c, http.MethodPost, admin.KeysPath, request, c.printNewKey)
	},
}

// printNewKey shows a key and the only copy of its secret.
func (c *call) printNewKey(key admin.NewKey) error {
	text := "company_slug  " + key.Company + "\nuser          " + key.User + "\napi_key       " + key.ID + "\napi_secret    " + key.Secret + "\n"
	if key.Name != "" {
		text += "name          " + key.Name + "\n"
	}
	if !key.ExpiresAt.IsZero() {
		text += "expires       " + key.ExpiresAt.Format(time.RFC3339) + "\n"
	}
	return c.printf("%s\nKeep the secret now: it is stored as a hash and cannot be shown again.\n", text)
}
