package caddymodule

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check DIR",
		Short: "Checks a catalog without a server and prints every fault as FILE:LINE:COLUMN",
		Long: `
Reads every file of a catalog and prints its faults, one on a line, as
FILE:LINE:COLUMN: what is wrong, and what is allowed. It needs neither a server
nor a database; what only a database can tell, such as an unknown table, is found
when the server loads the catalog.

The exit code is 0 when there is no fault.`,
		Args:         oneArgument("DIR"),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshot, err := catalog.Load(args[0])
			if faults, ok := errors.AsType[catalog.Faults](err); ok {
				for _, fault := range faults {
					fmt.Fprintln(cmd.OutOrStdout(), fault)
				}
				return fmt.Errorf("%s: %s", args[0], count(len(faults), "fault"))
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, no faults\n", args[0],
				count(len(snapshot.Companies()), "company"), count(len(snapshot.Endpoints()), "endpoint"))
			return nil
		},
	}
}

// count writes a number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "company":
		return fmt.Sprintf("%d companies", n)
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
