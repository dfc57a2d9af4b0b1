package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

var listDeliveries = command{
	use: "list [--state STATE]", short: "Lists callbacks, oldest job first",
	flags: func(cmd *cobra.Command) {
		cmd.Flags().String("state", "", "list only those that are pending, delivered or dead")
		cmd.Flags().Int("limit", 100, "list at most this many")
	},
	run: func(c *call) error {
		limit := c.Int("limit")
		if limit < 1 {
			return fmt.Errorf("--limit is %d: it must be at least 1", limit)
		}
		found, err := c.deliveries(c.String("state"), limit)
		if err != nil {
			return err
		}
		return c.show(found, func() error {
			if len(found) == 0 {
				return c.printf("There are no such callbacks.\n")
			}
			rows := make([]string, len(found))
			for i := range found {
				rows[i] = deliveryRow(&found[i])
			}
			return c.table("JOB\tUSER\tSTATE\tTRIES\tLAST STATUS\tNEXT TRY\tURL\tLAST ERROR", rows...)
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
		timeOrDash(d.NextAttempt.Truncate(time.Second)), withoutQuery(d.URL), orDash(last.Error)}, "\t")
}
