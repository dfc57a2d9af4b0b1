package cli

import (
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

var checkCatalog = command{
	use:   "check DIR | --config FILE",
	short: "Checks a catalog without a server and prints every fault as FILE:LINE:COLUMN",
	long: `
Reads every file of a catalog and prints its faults, one on a line, as
FILE:LINE:COLUMN: what is wrong, and what is allowed. It needs no server.

With DIR it needs no database either: what only a database can tell, such as an
unknown table, is not found. With --config it checks the catalog that the
configuration names, and asks the configuration's databases about every statement,
as the server does. That is for pipelines: a server leaves out what is at fault and
serves the rest, unless its configuration says strict.

What is doubtful, such as a file that nothing reads, is printed as a warning.
The exit code is 0 when there is no fault, and every database could be asked.`,
	offline: true,
	args: func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("config") {
			return noArguments(cmd, args)
		}
		return oneArgument("DIR, or --config FILE instead")(cmd, args)
	},
	flags: func(cmd *cobra.Command) {
		configFlags(cmd, "the server's configuration file, to check its catalog against its databases")
	},
	run: func(c *call) error {
		if c.Changed("config") {
			return c.checkConfig()
		}
		snapshot, faults, warnings := catalog.Inspect(c.args[0], knownDialects()...)
		return printCheck(c.out, c.args[0], snapshot, faults, warnings)
	},
}
