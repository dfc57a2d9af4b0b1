package cli

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var purgeCache = command{
	use:   "purge [--company SLUG [--endpoint NAMESPACE/SLUG]]",
	short: "Forgets kept results: all of them, those of a company's endpoints, or of one endpoint",
	flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "slug of the company that owns the endpoints")
		cmd.Flags().String("endpoint", "", "NAMESPACE/SLUG of one of its endpoints")
	},
	run: func(c *call) error {
		request := admin.PurgeRequest{Company: c.String("company"), Endpoint: c.String("endpoint")}
		return ask(c, http.MethodPost, admin.PurgePath, request, func(done admin.Purged) error {
			return c.printf("%d results were forgotten.\n", done.Purged)
		})
	},
}
