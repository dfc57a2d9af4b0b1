package caddymodule

import (
	"fmt"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func cacheCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "cache",
		Short: "Looks after the results that a running server keeps in memory",
		RunE:  refuseUnknown,
	}
	purge := serverCommand("purge [--company SLUG [--endpoint NAMESPACE/SLUG]]",
		"Forgets kept results: all of them, those of a company's endpoints, or of one endpoint", noArguments, runPurge)
	purge.Flags().String("company", "", "slug of the company that owns the endpoints")
	purge.Flags().String("endpoint", "", "NAMESPACE/SLUG of one of its endpoints")
	group.AddCommand(purge)
	return group
}

func runPurge(server adminServer, cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	var done purgeAnswer
	raw, err := server.call(http.MethodPost, adminPurgePath,
		purgeRequest{Company: flags.String("company"), Endpoint: flags.String("endpoint")}, &done)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d results were forgotten.\n", done.Purged)
	return nil
}
