package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var showJob = command{
	use: "show JOB_ID", short: "Shows a job: who has asked, its parameters without sensitive values, its tries, its error",
	args: oneArgument("JOB_ID"),
	run: func(c *call) error {
		return ask(c, http.MethodGet, admin.JobsPath+"/"+url.PathEscape(c.args[0]), nil, func(j admin.Job) error {
			parameters := string(j.Parameters)
			if parameters == "" {
				parameters = "not known: its endpoint has changed, or is gone"
			}
			fields := []string{
				"state\t" + j.State, "user\t" + j.Company + "/" + j.User, "api_key\t" + orDash(j.KeyID),
				"endpoint\t" + j.Endpoint + ", revision " + orDash(j.Revision), "source\t" + orDash(j.Source), "parameters\t" + parameters,
				"created\t" + timeOrDash(j.CreatedAt), "started\t" + timeOrDash(j.StartedAt), "ended\t" + timeOrDash(j.CompletedAt),
				"kept until\t" + timeOrDash(j.ExpiresAt), fmt.Sprintf("tries\t%d, begun %d times", j.Tries, j.Attempt),
			}
			if !j.NotBefore.IsZero() {
				fields = append(fields, "tried again\t"+timeOrDash(j.NotBefore))
			}
			if j.State == "completed" {
				fields = append(fields, fmt.Sprintf("result\t%s, %s", count(j.Rows, "row"), size(j.ResultBytes)))
			}
			if j.CallbackURL != "" {
				fields = append(fields, "callback\t"+j.CallbackURL)
			}
			if j.Error != nil {
				fields = append(fields, "error\t"+strings.TrimSpace(string(j.Error.Code)+" "+j.Error.Detail))
			}
			return c.table("job\t"+j.ID.String(), fields...)
		})
	},
}
