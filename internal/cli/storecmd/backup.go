package storecmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

var backupStore = command.Command{
	Use: "backup FILE", Short: "Copies the store to a file, while the server runs",
	Long: `
Copies the store as it is now to a new file, with mode 0600, and checks the copy. The
server goes on meanwhile, but its file grows by what is written, since the space of
what is removed is not used again before the copy is done; so do not set the rate too low.

The copy holds every secret of the server: anyone who reads it can act as the server.

Where no server runs, --store names its file. The exit code is 0 when the copy is
complete and sound.`,
	Args: command.OneArgument("FILE"),
	Flags: func(cmd *cobra.Command) {
		bytesFlag(cmd, "rate", 50<<20, "read at most so much a second, to leave the disk to others; 0: no limit")
		cmd.Flags().Bool("force", false, "replace a file that is there")
		cmd.Flags().String("store", "", "copy this file, which no server holds, instead of a running server's store")
	},
	Run: func(c *command.Call) error {
		defer c.CatchInterrupt()()
		content, size, err := openStore(c)
		if err != nil {
			return err
		}
		defer context.AfterFunc(c.Context, func() { content.Close() })()
		defer content.Close()
		shown := newMeter(c.Err)
		from := &paced{Reader: content, rate: bytes(c, "rate")}
		report, err := boltfile.Save(c.Context, from, size, c.Args[0], boltstore.Layout(), c.Bool("force"), shown.show)
		shown.done()
		if err != nil {
			return err
		}
		return tell(c, report, c.Args[0]+" is complete, and holds damaged records, as the store does")
	},
}
