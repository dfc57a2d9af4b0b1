package cli

import (
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var listSigningKeys = command{
	use: "list", short: "Lists the keys, without secrets",
	run: func(c *call) error {
		return ask(c, http.MethodGet, admin.SigningKeysPath, nil, func(keys []token.KeyInfo) error {
			rows := make([]string, len(keys))
			for i, key := range keys {
				rows[i] = strings.Join([]string{key.ID, key.Algorithm, string(key.State),
					timeOrDash(key.PublishedAt), timeOrDash(key.SignsFrom), timeOrDash(key.VerifiesUntil)}, "\t")
			}
			return c.table("KID\tALGORITHM\tSTATE\tPUBLISHED\tSIGNS FROM\tVERIFIES UNTIL", rows...)
		})
	},
}
