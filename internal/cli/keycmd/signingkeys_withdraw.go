package keycmd

import (
	"net/http"
	"net/url"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var withdrawSigningKey = command.Command{
	Use: "withdraw KID", Short: "Ends a key, and every token that it has signed, at once and for good",
	Args: command.OneArgument("KID"),
	Run: func(c *command.Call) error {
		path := admin.SigningKeysPath + "/" + url.PathEscape(c.Args[0])
		return command.Ask(c, http.MethodDelete, path, nil, func(gone admin.WithdrawnSigningKey) error {
			return c.Printf("%s is withdrawn: the tokens that it has signed are refused. %s signs.\n", gone.Withdrawn, gone.Signing.ID)
		})
	},
}
