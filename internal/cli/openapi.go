package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/openapi"
)

var printOpenAPI = command.Command{
	Use:   "openapi --company SLUG [--user NAME] [--config FILE | --catalog DIR]",
	Short: "Prints the OpenAPI document of a company, or of one of its users, without a server",
	Long: `
Prints the document that GET /api/v1/data-api/openapi.json gives to a user of the
company. Without --user it is that of a user who may do everything and whom no
share context of its own limits.

It needs no server. The configuration, by default the Caddyfile of this directory,
names the catalog and the databases, which are asked for the columns of results.
With --catalog no database is asked: results have no columns in the document then.`,
	Offline: true,
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "slug of the company (required)")
		cmd.Flags().String("user", "", "name of the company's user; by default one who may do everything")
		cmd.Flags().String("catalog", "", "directory of the catalog, instead of a configuration")
		cmd.Flags().String("server", "", "URL that the document gives for the server, such as https://api.example.com")
		command.ConfigFlags(cmd, "the server's configuration file")
		command.RequireFlags(cmd, "company")
	},
	Run: func(c *command.Call) error {
		server, err := command.Site(c, "server")
		if err := cmp.Or(err, command.NotBoth(c, "catalog", "config")); err != nil {
			return err
		}
		snapshot, plan, err := plan(c)
		if err != nil {
			return err
		}
		caller, err := describedCaller(snapshot, c.String("company"), c.String("user"))
		if err != nil {
			return err
		}
		offers, _ := plan.Offers(caller, execution.Wanted{})
		document, err := openapi.Document(caller, offers, httpapi.OpenAPIOptions(server))
		if err != nil {
			return err
		}
		return c.Printf("%s\n", document)
	},
}
