package keycmd

import (
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var listSigningKeys = command.Command{
	Use: "list", Short: "Lists the keys, without secrets",
	Run: func(c *command.Call) error {
		return command.Ask(c, http.MethodGet, admin.SigningKeysPath, nil, func(keys []token.KeyInfo) error {
			rows := make([]string, len(keys))
			for i, key := range keys {
				rows[i] = strings.Join([]string{key.ID, key.Algorithm, string(key.State),
					command.TimeOrDash(key.PublishedAt), command.TimeOrDash(key.SignsFrom), command.TimeOrDash(key.VerifiesUntil)}, "\t")
			}
			return c.Table("KID\tALGORITHM\tSTATE\tPUBLISHED\tSIGNS FROM\tVERIFIES UNTIL", rows...)
		})
	},
}
