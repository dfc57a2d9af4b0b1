package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// Command returns the command data-api with all that are below it.
func Command(provision Provision) caddycmd.Command {
	var names []string
	for _, c := range commands {
		name, _, _ := strings.Cut(c.use, " ")
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
			cmd.SetFlagErrorFunc(explainFlag)
			cmd.RunE = refuseUnknown
			for _, c := range commands {
				cmd.AddCommand(c.build(provision))
			}
		},
	}
}

// command is one command, or a group of commands.
type command struct {
	use, short, long string
	args             cobra.PositionalArgs // nil: none
	flags            func(*cobra.Command) // adds its own flags; nil: it has none
	offline          bool                 // it asks no server, and has no flags that say where that is
	run              func(*call) error    // nil: it is a group, which does nothing itself
	commands         []command            // below it
}

// with is the command with others below it.
func (c command) with(below ...command) command {
	c.commands = below
	return c
}

func (c command) build(provision Provision) *cobra.Command {
	cmd := &cobra.Command{Use: c.use, Short: c.short, Long: c.long, Args: c.args}
	for _, below := range c.commands {
		cmd.AddCommand(below.build(provision))
	}
	if c.run == nil {
		cmd.RunE = refuseUnknown
		return cmd
	}
	cmd.SilenceUsage = true
	if c.args == nil {
		cmd.Args = noArguments
	}
	if !c.offline {
		cmd.Flags().String("address", "", "address of the server's admin API, as HOST:PORT or unix/FILE (default "+caddy.DefaultAdminListen+")")
		jsonFlag(cmd, "print the answer as JSON")
		configFlags(cmd, "the server's configuration file, to read the address from")
	}
	if c.flags != nil {
		c.flags(cmd)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		call := &call{
			Flags: caddycmd.Flags{FlagSet: cmd.Flags()}, args: args, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), ctx: cmd.Context(), provision: provision,
		}
		if !c.offline {
			if call.server, err = adminAddress(call.String("address"), call.String("config"), call.String("adapter")); err != nil {
				return err
			}
		}
		return c.run(call)
	}
	return cmd
}

// call is one call of a command.
type call struct {
	caddycmd.Flags
	args      []string
	ctx       context.Context //nolint:containedctx // of this call
	out, err  io.Writer
	server    string // the address of its admin API
	provision Provision
}

func (c *call) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.out, format, args...)
	return err
}

// catchInterrupt has an interruption end c.ctx, and no longer the process, until the function that it returns is called: for
// commands that have something to clear away.
func (c *call) catchInterrupt() (stop func()) {
	c.ctx, stop = signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	return stop
}

// show prints a document: as JSON under --json, else in words, as the function does.
func (c *call) show(document any, inWords func() error) error {
	if c.Bool("json") {
		return json.NewEncoder(c.out).Encode(document)
	}
	return inWords()
}

// table prints rows below a heading, in columns. A cell ends with a tab, but for the last.
func (c *call) table(heading string, rows ...string) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range append([]string{heading}, rows...) {
		fmt.Fprintln(table, row)
	}
	return table.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func timeOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}
