package cli

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

var showUsage = command.Command{
	Use: "usage [--company SLUG] [--by WORDS]", Short: "Shows who has called what, and how often",
	Long: "Shows calls, errors, rows, bytes and seconds of the database, for each company from the beginning of this month until now.",
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "show the usage of this company only")
		cmd.Flags().String("by", "", "tell apart: endpoint, user, key, day or hour, or several with commas between them")
		cmd.Flags().String("from", "", "from this date or time on, of UTC, such as 2026-04-01 or 2026-04-01T12:00:00Z")
		cmd.Flags().String("to", "", "until this date or time, which is not included")
		cmd.Flags().String("limit", "", "show at most this many lines (default 1000)")
		cmd.Flags().Bool("csv", false, "print CSV")
	},
	Run: func(c *command.Call) error {
		if err := command.NotBoth(c, "csv", "json"); err != nil {
			return err
		}
		query := make(url.Values)
		for _, name := range append([]string{"company"}, usage.Parameters...) {
			query.Set(name, c.String(name))
		}
		return command.Ask(c, http.MethodGet, admin.UsagePath+"?"+query.Encode(), nil, func(report usage.Report) error {
			switch {
			case c.Bool("csv"):
				return report.WriteCSV(c.Out)
			case len(report.Usage) == 0:
				return c.Printf("Nothing was called from %s to %s.\n", report.From.Format("2006-01-02 15:04"), report.To.Format("2006-01-02 15:04 MST"))
			}
			heading, rows := usageTable(&report)
			if err := c.Table(heading, rows...); err != nil || !report.More {
				return err
			}
			return c.Printf("There are more lines; the totals are of all. Ask for more with --limit.\n")
		})
	},
}
