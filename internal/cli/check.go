package cli

import (
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var checkCatalog = command.Command{
	Use:   "check DIR | --config FILE",
	Short: "Checks a catalog without a server and prints every fault as FILE:LINE:COLUMN",
	Long: `
Reads every file of a catalog and prints its faults, one on a line, as
FILE:LINE:COLUMN: what is wrong, and what is allowed. It needs no server.

With DIR it needs no database either: what only a database can tell, such as an
unknown table, is not found. With --config it checks the catalog that the
configuration names, and asks the configuration's databases about every statement,
as the server does. That is for pipelines: a server leaves out what is at fault and
serves the rest, unless its configuration says strict.

What is doubtful, such as a file that nothing reads, is printed as a warning.
The exit code is 0 when there is no fault, and every database could be asked.`,
	Offline: true,
	Args: func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("config") {
			return command.NoArguments(cmd, args)
		}
		return command.OneArgument("DIR, or --config FILE instead")(cmd, args)
	},
	Flags: func(cmd *cobra.Command) {
		command.ConfigFlags(cmd, "the server's configuration file, to check its catalog against its databases")
	},
	Run: func(c *command.Call) error {
		if c.Changed("config") {
			return checkConfig(c)
		}
		snapshot, faults, warnings := catalog.Inspect(c.Args[0], knownDialects()...)
		return printCheck(c.Out, c.Args[0], snapshot, faults, warnings)
	},
}
