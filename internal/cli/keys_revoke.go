package cli

import (
	"net/http"
	"net/url"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

var revokeKey = command{
	use: "revoke API_KEY", short: "Ends an API key, and every token made for it, at once and for good",
	args: oneArgument("API_KEY"),
	run: func(c *call) error {
		return ask(c, http.MethodDelete, admin.KeysPath+"/"+url.PathEscape(c.args[0]), nil, func(key admin.Key) error {
			return c.printf("%s of %s/%s is %s since %s.\n", key.ID, key.Company, key.User,
				identity.KeyRevoked, key.RevokedAt.Format(time.RFC3339))
		})
	},
}
