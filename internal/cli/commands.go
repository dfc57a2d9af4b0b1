package cli

import (
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/catalogcmd"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/cli/jobcmd"
	"github.com/solucao42/caddy-data-api/internal/cli/keycmd"
	"github.com/solucao42/caddy-data-api/internal/cli/storecmd"
)

// Command returns the command data-api with all that are below it.
func Command(provision command.Provision) caddycmd.Command {
	var names []string
	for _, c := range commands {
		name, _, _ := strings.Cut(c.Use, " ")
		names = append(names, name)
	}
	return caddycmd.Command{
		Name:  "data-api",
		Usage: strings.Join(names, "|") + " ...",
		Short: "Manages the Data API: keys, jobs, callbacks, the store, the catalog",
		Long: `
Manages the Data API of a running server through Caddy's admin API; checks a
catalog, and prints OpenAPI documents, without a server.

The server is found at its default admin address, at --address, or at the address
that the configuration given with --config names.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.SetFlagErrorFunc(command.ExplainFlag)
			cmd.RunE = command.RefuseUnknown
			for _, c := range commands {
				cmd.AddCommand(c.Build(provision))
			}
		},
	}
}

// commands are all commands, in the order in which the usage names them.
var commands = []command.Command{
	keycmd.Keys,
	keycmd.SigningKeys,
	keycmd.CallbackSecret,
	keycmd.ConsoleLink,
	jobcmd.Jobs,
	jobcmd.Deliveries,
	storecmd.Store,
	{Use: "sources", Short: "Looks after the connections to databases", Below: []command.Command{reconnectSources}},
	{Use: "cache", Short: "Looks after the results that a running server keeps in memory", Below: []command.Command{purgeCache}},
	checkCatalog,
	catalogcmd.Push,
	catalogcmd.Pull,
	askHealth,
	status,
	showUsage,
	printOpenAPI,
}
