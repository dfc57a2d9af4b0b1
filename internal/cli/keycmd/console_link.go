package keycmd

import (
	"net/http"
	"strings"
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
		request := admin.ConsoleLinkRequest{Company: c.String("company"), User: c.String("user")}
		return command.Ask(c, http.MethodPost, admin.ConsoleLinkPath, request, func(link admin.ConsoleLink) error { return printConsoleLink(c, link) })
	},
}

func printConsoleLink(c *command.Call, link admin.ConsoleLink) error {
	return c.Printf("%s%s\n\nIt lets in the first one who opens it, until %s. To take it back, or to end the session: caddy data-api keys revoke %s\n",
		strings.TrimSuffix(c.String("url"), "/"), link.Path, link.Until.Format(time.RFC3339), link.KeyID)
}
