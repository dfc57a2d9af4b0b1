package cli

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// watchEvery is how often --watch looks again.
const watchEvery = 2 * time.Second

var status = command.Command{
	Use:   "status",
	Short: "Shows what is wrong, and how sources, jobs, the store, the cache and the catalog fare",
	Long: `
Shows how a running server fares: first what is wrong, then its sources, which are
asked for a sign of life, its jobs, the store, the cache, and the catalog.`,
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().Bool("watch", false, "look again every "+watchEvery.String()+", until interrupted")
		cmd.Flags().Bool("endpoints", false, "list the endpoints, too")
	},
	Run: func(c *command.Call) error {
		if !c.Bool("watch") {
			return printStatus(c)
		}
		defer c.CatchInterrupt()()
		for {
			if command.IsTerminal(c.Out) && !c.Bool("json") {
				if err := c.Printf(clearScreen); err != nil {
					return err
				}
			}
			if err := printStatus(c); err != nil {
				return err
			}
			select {
			case <-c.Context.Done():
				return nil
			case <-time.After(watchEvery):
			}
		}
	},
}

// clearScreen empties a terminal, and begins at its top.
const clearScreen = "\x1b[H\x1b[2J"

// printStatus asks once.
func printStatus(c *command.Call) error {
	err := command.Ask(c, http.MethodGet, admin.StatusPath, nil, func(status admin.Status) error { return printDocument(c, status) })
	if err != nil || !c.Bool("endpoints") || c.Bool("json") {
		return err
	}
	return command.Ask(c, http.MethodGet, admin.CatalogPath, nil, func(catalog admin.Catalog) error { return printEndpoints(c, catalog) })
}
