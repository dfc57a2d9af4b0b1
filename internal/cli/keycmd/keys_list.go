package keycmd

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var listKeys = command.Command{
	Use: "list [--company SLUG]", Short: "Lists API keys, without secrets",
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "list the keys of this company only")
	},
	Run: func(c *command.Call) error {
		path := admin.KeysPath + "?company=" + url.QueryEscape(c.String("company"))
		return command.Ask(c, http.MethodGet, path, nil, func(keys []admin.Key) error {
			if len(keys) == 0 {
				return c.Printf("There are no keys.\n")
			}
			rows := make([]string, len(keys))
			for i, key := range keys {
				state := string(key.State)
				if key.UserMissing {
					state += ", no such user"
				}
				rows[i] = strings.Join([]string{key.ID, key.Company, key.User, command.OrDash(key.Name), state,
					key.CreatedAt.Format(time.RFC3339), command.TimeOrDash(key.ExpiresAt), command.TimeOrDash(key.LastUsedAt)}, "\t")
			}
			return c.Table("API KEY\tCOMPANY\tUSER\tNAME\tSTATE\tCREATED\tEXPIRES\tLAST USED", rows...)
		})
	},
}
