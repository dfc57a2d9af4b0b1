package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

var checkStore = command{
	use: "check FILE", short: "Reads a store or a backup from end to end, and tells what it holds and what is wrong",
	long: `
Reads every page and record of a store's file, those of results too, and compares
checksums. It changes nothing. No server may hold the file: of a running server,
check a backup.

The exit code is 0 when nothing is wrong but what the server makes anew by itself.`,
	args: oneArgument("FILE"), offline: true,
	flags: func(cmd *cobra.Command) { jsonFlag(cmd, "print what was found as JSON") },
	run: func(c *call) error {
		shown := newMeter(c.err)
		report, err := boltfile.Check(c.args[0], boltstore.Layout(), func(done, most int64) { shown.show(boltfile.Checking, done, most) })
		shown.done()
		if err != nil {
			return err
		}
		if err := c.show(report, func() error { return c.printReport(report) }); err != nil {
			return err
		}
		if !report.Sound() {
			return fmt.Errorf("%s is damaged (%s)", c.args[0], count(len(report.Faults), "fault"))
		}
		return nil
	},
}
