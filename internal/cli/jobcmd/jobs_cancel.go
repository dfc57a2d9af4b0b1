package jobcmd

import (
	"net/http"
	"net/url"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var cancelJob = command.Command{
	Use: "cancel JOB_ID", Short: "Ends a job that waits or runs, and its query in the database",
	Args: command.OneArgument("JOB_ID"),
	Run: func(c *command.Call) error {
		return command.Ask(c, http.MethodPost, admin.JobsPath+"/"+url.PathEscape(c.Args[0])+"/cancel", nil, func(j admin.Job) error {
			return c.Printf("%s of %s/%s is %s.\n", j.ID, j.Company, j.User, j.State)
		})
	},
}
