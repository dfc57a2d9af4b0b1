package cli

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var purgeCache = command.Command{
	Use:   "purge [--company SLUG [--endpoint NAMESPACE/SLUG]]",
	Short: "Forgets kept results: all of them, those of a company's endpoints, or of one endpoint",
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "slug of the company that owns the endpoints")
		cmd.Flags().String("endpoint", "", "NAMESPACE/SLUG of one of its endpoints")
	},
	Run: func(c *command.Call) error {
		request := admin.PurgeRequest{Company: c.String("company"), Endpoint: c.String("endpoint")}
		return command.Ask(c, http.MethodPost, admin.PurgePath, request, func(done admin.Purged) error {
			return c.Printf("%d results were forgotten.\n", done.Purged)
		})
	},
}
