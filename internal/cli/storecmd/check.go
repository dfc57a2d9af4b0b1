package storecmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

var checkStore = command.Command{
	Use: "check FILE", Short: "Reads a store or a backup from end to end, and tells what it holds and what is wrong",
	Long: `
Reads every page and record of a store's file, those of results too, and compares
checksums. It changes nothing. No server may hold the file: of a running server,
check a backup.

The exit code is 0 when nothing is wrong but what the server makes again by itself.`,
	Args: command.OneArgument("FILE"), Offline: true,
	Flags: func(cmd *cobra.Command) { command.JSONFlag(cmd, "print what was found as JSON") },
	Run: func(c *command.Call) error {
		shown := newMeter(c.Err)
		report, err := boltfile.Check(c.Args[0], boltstore.Layout(), func(done, most int64) { shown.show(boltfile.Checking, done, most) })
		shown.done()
		if err != nil {
			return err
		}
		return tell(c, report, fmt.Sprintf("%s is damaged (%s)", c.Args[0], command.Count(len(report.Faults), "fault")))
	},
}
