package cli

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var listKeys = command{
	use: "list [--company SLUG]", short: "Lists API keys, without secrets",
	flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "list the keys of this company only")
	},
	run: func(c *call) error {
		path := admin.KeysPath + "?company=" + url.QueryEscape(c.String("company"))
		return ask(c, http.MethodGet, path, nil, func(keys []admin.Key) error {
			if len(keys) == 0 {
				return c.printf("There are no keys.\n")
			}
			rows := make([]string, len(keys))
			for i, key := range keys {
				state := string(key.State)
				if key.UserMissing {
					state += ", no such user"
				}
				rows[i] = strings.Join([]string{key.ID, key.Company, key.User, orDash(key.Name), state,
					key.CreatedAt.Format(time.RFC3339), timeOrDash(key.ExpiresAt), timeOrDash(key.LastUsedAt)}, "\t")
			}
			return c.table("API KEY\tCOMPANY\tUSER\tNAME\tSTATE\tCREATED\tEXPIRES\tLAST USED", rows...)
		})
	},
}
