package jobcmd

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var listJobs = command.Command{
	Use: "list", Short: "Lists jobs of all companies, the newest first",
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("company", "", "list only those that this company has asked for")
		cmd.Flags().String("user", "", "list only those that users of this name have asked for")
		cmd.Flags().String("endpoint", "", "list only those of this endpoint: COMPANY/NAMESPACE/SLUG")
		cmd.Flags().String("status", "", "list only those that are waiting, running, completed, failed or cancelled")
		cmd.Flags().Int("limit", admin.DefaultJobs, "list at most this many, up to "+strconv.Itoa(admin.MaxJobs))
	},
	Run: func(c *command.Call) error {
		query := url.Values{"limit": {strconv.Itoa(c.Int("limit"))}}
		for _, name := range []string{"company", "user", "endpoint", "status"} {
			if value := c.String(name); value != "" {
				query.Set(name, value)
			}
		}
		return command.Ask(c, http.MethodGet, admin.JobsPath+"?"+query.Encode(), nil, func(jobs []admin.Job) error {
			if len(jobs) == 0 {
				return c.Printf("There are no such jobs.\n")
			}
			now := time.Now()
			rows := make([]string, len(jobs))
			for i := range jobs {
				rows[i] = jobRow(&jobs[i], now)
			}
			return c.Table("JOB\tSTATE\tFOR\tUSER\tENDPOINT\tSOURCE\tTRIES\tERROR", rows...)
		})
	},
}

func jobRow(j *admin.Job, now time.Time) string {
	failure := "-"
	if j.Error != nil {
		failure = string(j.Error.Code)
	}
	return strings.Join([]string{j.ID.String(), j.State, command.Age(now.Sub(j.Since())), j.Company + "/" + j.User, j.Endpoint, command.OrDash(j.Source),
		strconv.Itoa(j.Tries), failure}, "\t")
}
