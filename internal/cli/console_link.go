package cli

import (
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var makeConsoleLink = command{
	use: "console-link --company SLUG --user NAME", short: "Makes a link that signs a user in to the console, once, within 5 minutes",
	flags: func(cmd *cobra.Command) {
		companyUserFlags(cmd)
		cmd.Flags().String("url", "http://localhost", "where the site is that serves the console, such as https://api.example.com")
	},
	run: func(c *call) error {
		request := admin.ConsoleLinkRequest{Company: c.String("company"), User: c.String("user")}
		return ask(c, http.MethodPost, admin.ConsoleLinkPath, request, c.printConsoleLink)
	},
}

func (c *call) printConsoleLink(link admin.ConsoleLink) error {
	return c.printf("%s%s\n\nIt lets in whoever opens it first, until %s. To take it back, or to end the session: caddy data-api keys revoke %s\n",
		strings.TrimSuffix(c.String("url"), "/"), link.Path, link.Until.Format(time.RFC3339), link.KeyID)
}
