package caddymodule

import (
	"errors"
	"fmt"
	"io"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
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
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("config") {
				return noArguments(cmd, args)
			}
			return oneArgument("DIR, or --config FILE instead")(cmd, args)
		},
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags := caddycmd.Flags{FlagSet: cmd.Flags()}
			if cmd.Flags().Changed("config") {
				return checkConfig(cmd.OutOrStdout(), flags.String("config"), flags.String("adapter"))
			}
			snapshot, faults, warnings := catalog.Inspect(args[0], knownDialects()...)
			return printCheck(cmd.OutOrStdout(), args[0], snapshot, faults, warnings)
		},
	}
	cmd.Flags().StringP("config", "c", "", "the server's configuration file, to check its catalog against its databases")
	cmd.Flags().StringP("adapter", "a", "", "name of the configuration's adapter")
	return cmd
}

// checkConfig checks the catalog of a configuration, and asks its databases.
func checkConfig(out io.Writer, file, adapter string) error {
	app, err := provisionAlone(file, adapter)
	if err != nil {
		return err
	}
	err = app.server.CheckAll()
	unasked := app.server.Catalog().Unchecked()
	for _, warning := range unasked {
		fmt.Fprintln(out, warning)
	}
	if err == nil && len(unasked) > 0 {
		return fmt.Errorf("%s: %s could not be checked", app.Catalog, count(len(unasked), "endpoint"))
	}
	faults, ok := errors.AsType[catalog.Faults](err)
	if err != nil && !ok {
		return err
	}
	return printCheck(out, app.Catalog, app.server.Catalog().Current(), faults, app.server.Catalog().Warnings())
}

// printCheck prints faults and warnings, or how much there is without a fault.
func printCheck(out io.Writer, name string, snapshot *catalog.Snapshot, faults, warnings catalog.Faults) error {
	for _, fault := range faults {
		fmt.Fprintln(out, fault)
	}
	for _, warning := range warnings {
		fmt.Fprintln(out, asWarning(warning))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: %s", name, count(len(faults), "fault"))
	}
	fmt.Fprintf(out, "%s: %s, %s, no faults", name,
		count(len(snapshot.Companies()), "company"), count(len(snapshot.Endpoints()), "endpoint"))
	if len(warnings) > 0 {
		fmt.Fprintf(out, ", %s", count(len(warnings), "warning"))
	}
	fmt.Fprintln(out)
	return nil
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
