package keycmd

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var createKey = command.Command{
	Use: "create --company SLUG --user NAME", Short: "Makes an API key and prints its secret, once",
	Flags: func(cmd *cobra.Command) {
		command.CompanyUserFlags(cmd)
		cmd.Flags().String("name", "", "a label, to tell the key from others")
		command.DurationFlag(cmd, "expires-in", 0, "when the key ends, such as 90d; by default it does not")
	},
	Run: func(c *command.Call) error {
		expiresAt, err := expiry(c)
		if err != nil {
			return err
		}
		request := admin.NewKeyRequest{Company: c.String("company"), User: c.String("user"), Name: c.String("name"), ExpiresAt: expiresAt}
		return command.Ask(c, http.MethodPost, admin.KeysPath, request, func(key admin.NewKey) error { return printNewKey(c, key) })
	},
}

// printNewKey shows a key and the only copy of its secret.
func printNewKey(c *command.Call, key admin.NewKey) error {
	text := "company_slug  " + key.Company + "\nuser          " + key.User + "\napi_key       " + key.ID + "\napi_secret    " + key.Secret + "\n"
	if key.Name != "" {
		text += "name          " + key.Name + "\n"
	}
	if !key.ExpiresAt.IsZero() {
		text += "expires       " + key.ExpiresAt.Format(time.RFC3339) + "\n"
	}
	return c.Printf("%s\nKeep the secret now: it is stored as a hash and cannot be shown again.\n", text)
}

// expiry is the moment that the flag expires-in says; zero: it was not given.
func expiry(c *command.Call) (time.Time, error) {
	if !c.Changed("expires-in") {
		return time.Time{}, nil
	}
	expiresIn := c.Duration("expires-in")
	if expiresIn <= 0 {
		return time.Time{}, fmt.Errorf("--expires-in is %s: it must be above zero", expiresIn)
	}
	return time.Now().Add(expiresIn).UTC(), nil
}
