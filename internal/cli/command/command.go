package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// Command is one command, or a group of commands.
type Command struct {
	Use, Short, Long string
	Args             cobra.PositionalArgs // nil: none
	Flags            func(*cobra.Command) // adds its own flags; nil: it has none
	Offline          bool                 // it asks no server, and has no flags that say where that is
	Run              func(*Call) error    // nil: it is a group, which does nothing itself
	Below            []Command            // below it
}

// With is the command with others below it.
func (c Command) With(below ...Command) Command {
	c.Below = below
	return c
}

// Build makes the command, and those below it, as Caddy has them.
func (c Command) Build(provision Provision) *cobra.Command {
	cmd := &cobra.Command{Use: c.Use, Short: c.Short, Long: c.Long, Args: c.Args}
	for _, below := range c.Below {
		cmd.AddCommand(below.Build(provision))
	}
	if c.Run == nil {
		cmd.RunE = RefuseUnknown
		return cmd
	}
	cmd.SilenceUsage = true
	if c.Args == nil {
		cmd.Args = NoArguments
	}
	if !c.Offline {
		cmd.Flags().String("address", "", "address of the server's admin API, as HOST:PORT or unix/FILE (default "+caddy.DefaultAdminListen+")")
		JSONFlag(cmd, "print the answer as JSON")
		ConfigFlags(cmd, "the server's configuration file, to read the address from")
	}
	if c.Flags != nil {
		c.Flags(cmd)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		call := &Call{
			Flags: caddycmd.Flags{FlagSet: cmd.Flags()}, Args: args, Context: cmd.Context(),
			Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(), Provision: provision,
		}
		if !c.Offline {
			if call.Server, err = adminAddress(call.String("address"), call.String("config"), call.String("adapter")); err != nil {
				return err
			}
		}
		return c.Run(call)
	}
	return cmd
}

// Call is one call of a command.
type Call struct {
	caddycmd.Flags
	Args      []string
	Context   context.Context //nolint:containedctx // of this call
	Out, Err  io.Writer
	Server    string // the address of its admin API
	Provision Provision
}

// Printf prints to standard output.
func (c *Call) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.Out, format, args...)
	return err
}

// CatchInterrupt has an interruption end c.Context, and no longer the process, until the function that it returns is called: for
// commands that have something to clear away.
func (c *Call) CatchInterrupt() (stop func()) {
	c.Context, stop = signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	return stop
}
