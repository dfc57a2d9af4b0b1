package caddymodule

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func storeCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "store",
		Short: "Cares for the store of a running server",
		RunE:  refuseUnknown,
	}
	compact := serverCommand("compact", "Gives the disk space of removed jobs and results back", noArguments, runCompact)
	compact.Long = `
Copies the store to a new file and puts that in its place, while the server runs.
Writes wait meanwhile, some seconds for each GB; reads go on. It needs the disk space
of what the store holds. A crash in the middle leaves the old file in use.`
	group.AddCommand(compact)
	return group
}

func runCompact(server adminServer, cmd *cobra.Command, _ []string) error {
	var done compactAnswer
	raw, err := server.call(http.MethodPost, adminCompactPath, nil, &done)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%.1f MB became %.1f MB in %.1f s.\n",
		float64(done.BytesBefore)/1e6, float64(done.BytesAfter)/1e6, done.Seconds)
	return nil
}
