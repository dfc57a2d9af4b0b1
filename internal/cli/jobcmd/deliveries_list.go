package jobcmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var listDeliveries = command.Command{
	Use: "list [--state STATE]", Short: "Lists callbacks, oldest job first",
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("state", "", "list only those that are pending, delivered or dead")
		cmd.Flags().Int("limit", 100, "list at most this many")
	},
	Run: func(c *command.Call) error {
		limit := c.Int("limit")
		if limit < 1 {
			return fmt.Errorf("--limit is %d: it must be at least 1", limit)
		}
		found, err := deliveries(c, c.String("state"), limit)
		if err != nil {
			return err
		}
		return c.Show(found, func() error {
			if len(found) == 0 {
				return c.Printf("There are no such callbacks.\n")
			}
			rows := make([]string, len(found))
			for i := range found {
				rows[i] = deliveryRow(&found[i])
			}
			return c.Table("JOB\tUSER\tSTATE\tTRIES\tLAST STATUS\tNEXT TRY\tURL\tLAST ERROR", rows...)
		})
	},
}

func deliveryRow(d *callback.Delivery) string {
	var last callback.Try
	if n := len(d.Log); n > 0 {
		last = d.Log[n-1]
	}
	status := "-"
	if last.Status != 0 {
		status = strconv.Itoa(last.Status)
	}
	return strings.Join([]string{d.JobID.String(), d.Company + "/" + d.User, string(d.State), strconv.Itoa(len(d.Log)), status,
		command.TimeOrDash(d.NextAttempt.Truncate(time.Second)), callback.WithoutQuery(d.URL), command.OrDash(last.Error)}, "\t")
}
