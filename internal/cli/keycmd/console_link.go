package keycmd

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var makeConsoleLink = command.Command{
	Use: "console-link --company SLUG --user NAME", Short: "Makes a link that signs a user in to the console, once, within 5 minutes",
	Flags: func(cmd *cobra.Command) {
		command.CompanyUserFlags(cmd)
		cmd.Flags().String("url", "http://localhost", "where the site is that serves the console, such as https://api.example.com")
	},
	Run: func(c *command.Call) error {
		site, err := command.Site(c, "url") // before a link is made, which is good once
		if err != nil {
			return err
		}
		request := admin.ConsoleLinkRequest{Company: c.String("company"), User: c.String("user")}
		return command.Ask(c, http.MethodPost, admin.ConsoleLinkPath, request, func(link admin.ConsoleLink) error { return printConsoleLink(c, site, link) })
	},
}

func printConsoleLink(c *command.Call, site string, link admin.ConsoleLink) error {
	return c.Printf("%s%s\n\nIt lets in the first one who opens it, until %s. To take it back, or to end the session: caddy data-api keys revoke %s\n",
		site, link.Path, link.Until.Format(time.RFC3339), link.KeyID)
}
