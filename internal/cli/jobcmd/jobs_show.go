package jobcmd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var showJob = command.Command{
	Use: "show JOB_ID", Short: "Shows a job: who has asked, its parameters without sensitive values, its tries, its error",
	Args: command.OneArgument("JOB_ID"),
	Run: func(c *command.Call) error {
		return command.Ask(c, http.MethodGet, admin.JobsPath+"/"+url.PathEscape(c.Args[0]), nil, func(j admin.Job) error {
			parameters := string(j.Parameters)
			if parameters == "" {
				parameters = "not known: its endpoint has changed, or is gone"
			}
			fields := []string{
				"state\t" + j.State, "user\t" + j.Company + "/" + j.User, "api_key\t" + command.OrDash(j.KeyID),
				"endpoint\t" + j.Endpoint + ", revision " + command.OrDash(j.Revision), "source\t" + command.OrDash(j.Source), "parameters\t" + parameters,
				"created\t" + command.TimeOrDash(j.CreatedAt), "started\t" + command.TimeOrDash(j.StartedAt), "ended\t" + command.TimeOrDash(j.CompletedAt),
				"kept until\t" + command.TimeOrDash(j.ExpiresAt), fmt.Sprintf("tries\t%d, begun %d times", j.Tries, j.Attempt),
			}
			if !j.NotBefore.IsZero() {
				fields = append(fields, "tried again\t"+command.TimeOrDash(j.NotBefore))
			}
			if j.State == "completed" {
				fields = append(fields, fmt.Sprintf("result\t%s, %s", command.Count(j.Rows, "row"), command.Size(j.ResultBytes)))
			}
			if j.CallbackURL != "" {
				fields = append(fields, "callback\t"+j.CallbackURL)
			}
			if j.Error != nil {
				fields = append(fields, "error\t"+strings.TrimSpace(string(j.Error.Code)+" "+j.Error.Detail))
			}
			return c.Table("job\t"+j.ID.String(), fields...)
		})
	},
}
