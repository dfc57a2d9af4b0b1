package caddymodule

import (
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

What is doubtful, such as a file that nothing reads, is printed as a warning.
The exit code is 0 when there is no fault.`,
		Args:         oneArgument("DIR"),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			snapshot, faults, warnings := catalog.Inspect(args[0])
			for _, fault := range faults {
				fmt.Fprintln(cmd.OutOrStdout(), fault)
			}
			for _, warning := range warnings {
				fmt.Fprintln(cmd.OutOrStdout(), asWarning(warning))
			}
			if len(faults) > 0 {
				return fmt.Errorf("%s: %s", args[0], count(len(faults), "fault"))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, no faults", args[0],
				count(len(snapshot.Companies()), "company"), count(len(snapshot.Endpoints()), "endpoint"))
			if len(warnings) > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), ", %s", count(len(warnings), "warning"))
			}
			fmt.Fprintln(cmd.OutOrStdout())
			return nil
		},
	}
}

// asWarning writes what is doubtful so that it is not taken for a fault, in the form that editors turn into a link.
func asWarning(doubt catalog.Fault) catalog.Fault {
	doubt.Message = "warning: " + doubt.Message
	return doubt
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
