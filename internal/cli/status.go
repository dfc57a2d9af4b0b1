package cli

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

// watchEvery is how often --watch looks anew.
const watchEvery = 2 * time.Second

var status = command{
	use:   "status",
	short: "Shows what is wrong, and how sources, jobs, the store, the cache and the catalog fare",
	long: `
Shows how a running server fares: first what is wrong, then its sources, which are
asked for a sign of life, its jobs, the store, the cache, and the catalog.`,
	flags: func(cmd *cobra.Command) {
		cmd.Flags().Bool("watch", false, "look again every "+watchEvery.String()+", until interrupted")
		cmd.Flags().Bool("endpoints", false, "list the endpoints, too")
	},
	run: func(c *call) error {
		if !c.Bool("watch") {
			return c.printStatus()
		}
		defer c.catchInterrupt()()
		for {
			if isTerminal(c.out) && !c.Bool("json") {
				if err := c.printf(clearScreen); err != nil {
					return err
				}
			}
			if err := c.printStatus(); err != nil {
				return err
			}
			select {
			case <-c.ctx.Done():
				return nil
			case <-time.After(watchEvery):
			}
		}
	},
}

// clearScreen empties a terminal, and begins at its top.
const clearScreen = "\x1b[H\x1b[2J"

// printStatus asks once.
func (c *call) printStatus() error {
	if err := ask(c, http.MethodGet, admin.StatusPath, nil, c.printDocument); err != nil || !c.Bool("endpoints") || c.Bool("json") {
		return err
	}
	return ask(c, http.MethodGet, admin.CatalogPath, nil, c.printEndpoints)
}
