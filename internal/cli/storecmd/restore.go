package storecmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

var restoreStore = command.Command{
	Use: "restore FILE --to PATH", Short: "Puts a backup in the place of the store of a server that is stopped",
	Long: `
Checks the backup, copies it beside PATH, and puts it in its place in one step. A
store that is there is refused, or with --force kept under a name with the date. No
server may hold it: stop it first.

After the start everything is as it was when the backup was made: keys that were
revoked since work again until they are revoked once more, and jobs that had not
ended by then run again.`,
	Args: command.OneArgument("FILE"), Offline: true,
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("to", "", "the store's file, as the server's configuration names it (required)")
		cmd.Flags().Bool("force", false, "keep the store that is there under another name, and replace it")
		command.RequireFlags(cmd, "to")
	},
	Run: func(c *command.Call) error {
		defer c.CatchInterrupt()()
		shown := newMeter(c.Err)
		done, err := boltfile.Restore(c.Context, c.Args[0], c.String("to"), boltstore.Layout(), c.Bool("force"), shown.show)
		shown.done()
		if err != nil {
			return err
		}
		kept := ""
		if done.Aside != "" {
			kept = fmt.Sprintf("The store that was there is %s.\n", done.Aside)
		}
		return c.Printf("%s holds the backup: %s, %s.\n%sStart the server. Then revoke again the keys that were revoked since the backup was made.\n",
			done.Report.Path, command.Count(done.Report.Records["api_keys"], "API key"), command.Count(done.Report.Records["jobs"], "job"), kept)
	},
}
