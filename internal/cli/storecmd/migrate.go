package storecmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var migrateStore = command.Command{
	Use: "migrate --config FILE", Short: "Brings the schema of a store in PostgreSQL up to date, or says how far it is",
	Long: `
Connects to the database of the configuration's store and takes the steps that this
version of the program needs. A server does the same when it starts; servers of the
version before go on meanwhile. With --check nothing is changed: the exit code is 1
when a step is missing, or when a newer version has changed the schema.`,
	Offline: true,
	Flags: func(cmd *cobra.Command) {
		command.ConfigFlags(cmd, "the server's configuration file, to find the store")
		cmd.Flags().Bool("check", false, "only say which steps are missing")
	},
	Run: func(c *command.Call) error {
		offline, err := c.Provision(c.String("config"), c.String("adapter"))
		if err != nil {
			return err
		}
		if offline.MigrateStore == nil {
			return errors.New("the configured store has no schema: it is up to date with the program that opens it")
		}
		state, err := offline.MigrateStore(context.Background(), c.Bool("check"))
		if err != nil {
			return err
		}
		if err := c.Printf("schema %s: step %d, %s missing\n", state.Name, state.Version, command.Count(len(state.Pending), "step")); err != nil {
			return err
		}
		switch {
		case state.Newer:
			return errors.New("a newer version of this program has changed the schema: use that version")
		case len(state.Pending) > 0:
			return errors.New("the schema is not up to date")
		}
		return nil
	},
}
