package storecmd

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/store/move"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
)

var copyStore = command.Command{
	Use: "copy --from bbolt:FILE --to postgres:CONNECTION-STRING", Short: "Moves a stopped server's store into PostgreSQL",
	Long: `
Moves everything in the file of a store: API keys, token families, the keys that sign
tokens and callbacks, jobs with their results, callbacks, usage. Tokens stay valid, and
jobs that were waiting or running run on the servers that use the new store.

Stop the server first: the file must be nobody's. The schema must be empty; it is made
where there is none. What is interrupted goes on when the command is run again. In the
end both stores are read from end to end and compared; until then no server opens the
new one. The file stays as it is. Placeholders such as {env.STORE_URL} and {file.PATH}
keep a password out of the list of processes.`,
	Offline: true,
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("from", "", "the store that is moved, as bbolt:FILE")
		cmd.Flags().String("to", "", "where to, as postgres:CONNECTION-STRING")
		cmd.Flags().String("schema", "", "the schema that holds the tables (default data_api)")
		cmd.Flags().Bool("poll-only", false, "a proxy in transaction mode, such as PgBouncer, is between")
		command.JSONFlag(cmd, "print what was moved as JSON")
	},
	Run: func(c *command.Call) error {
		defer c.CatchInterrupt()()
		replacer := caddy.NewReplacer()
		from, err := replacer.ReplaceOrErr(c.String("from"), true, true)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		to, err := replacer.ReplaceOrErr(c.String("to"), true, true)
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		shown := newMeter(c.Err)
		sums, err := move.Copy(c.Context, move.Stores{From: from, To: to, Schema: c.String("schema"), PollOnly: c.Bool("poll-only")},
			func(step string, kind transfer.Kind, done int64) { shown.count(step, string(kind), done) })
		shown.done()
		if err != nil {
			if c.Context.Err() != nil {
				return fmt.Errorf("interrupted: run the command again to go on: %w", err)
			}
			return err
		}
		return c.Show(sums, func() error { return printSums(c, sums) })
	},
}
