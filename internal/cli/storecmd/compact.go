package storecmd

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var compactStore = command.Command{
	Use: "compact", Short: "Gives the disk space of removed jobs and results back",
	Long: `
Copies the store to a new file and puts that in its place, while the server runs.
Writes wait meanwhile, some seconds for each GB; reads go on. It needs the disk space
of what the store holds. A crash in the middle leaves the old file in use.`,
	Run: func(c *command.Call) error {
		return command.Ask(c, http.MethodPost, admin.CompactPath, nil, func(done admin.Compacted) error {
			return c.Printf("%.1f MB became %.1f MB in %.1f s.\n", float64(done.BytesBefore)/1e6, float64(done.BytesAfter)/1e6, done.Seconds)
		})
	},
}
