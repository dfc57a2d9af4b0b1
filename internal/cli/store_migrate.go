package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

var migrateStore = command{
	use: "migrate --config FILE", short: "Brings the schema of a store in PostgreSQL up to date, or says how far it is",
	long: `
Connects to the database of the configuration's store and takes the steps that this
version of the program needs. A server does the same when it starts; servers of the
version before go on meanwhile. With --check nothing is changed: the exit code is 1
when a step is missing, or when a newer version has changed the schema.`,
	offline: true,
	flags: func(cmd *cobra.Command) {
		configFlags(cmd, "the server's configuration file, to find the store")
		cmd.Flags().Bool("check", false, "only say which steps are missing")
	},
	run: func(c *call) error {
		offline, err := c.provision(c.String("config"), c.String("adapter"))
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
		if err := c.printf("schema %s: step %d, %s missing\n", state.Name, state.Version, count(len(state.Pending), "step")); err != nil {
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
