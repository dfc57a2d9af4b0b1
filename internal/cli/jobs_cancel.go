package cli

import (
	"net/http"
	"net/url"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var cancelJob = command{
	use: "cancel JOB_ID", short: "Ends a job that waits or runs, and its query in the database",
	args: oneArgument("JOB_ID"),
	run: func(c *call) error {
		return ask(c, http.MethodPost, admin.JobsPath+"/"+url.PathEscape(c.args[0])+"/cancel", nil, func(j admin.Job) error {
			return c.printf("%s of %s/%s is %s.\n", j.ID, j.Company, j.User, j.State)
		})
	},
}
