package cli

import (
	"net/http"
	"net/url"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var withdrawSigningKey = command{
	use: "withdraw KID", short: "Ends a key, and every token that it has signed, at once and for good",
	args: oneArgument("KID"),
	run: func(c *call) error {
		path := admin.SigningKeysPath + "/" + url.PathEscape(c.args[0])
		return ask(c, http.MethodDelete, path, nil, func(gone admin.WithdrawnSigningKey) error {
			return c.printf("%s is withdrawn: the tokens that it has signed are refused. %s signs.\n", gone.Withdrawn, gone.Signing.ID)
		})
	},
}
