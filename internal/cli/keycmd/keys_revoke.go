package keycmd

import (
	"net/http"
	"net/url"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

var revokeKey = command.Command{
	Use: "revoke API_KEY", Short: "Ends an API key, and every token made for it, at once and for good",
	Args: command.OneArgument("API_KEY"),
	Run: func(c *command.Call) error {
		return command.Ask(c, http.MethodDelete, admin.KeysPath+"/"+url.PathEscape(c.Args[0]), nil, func(key admin.Key) error {
			return c.Printf("%s of %s/%s is %s since %s.\n", key.ID, key.Company, key.User,
				identity.KeyRevoked, key.RevokedAt.Format(time.RFC3339))
		})
	},
}
