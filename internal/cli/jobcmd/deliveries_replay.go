package jobcmd

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var replayDeliveries = command.Command{
	Use: "replay JOB_ID... | replay --dead", Short: "Makes callbacks that have ended due again at once",
	Args: cobra.ArbitraryArgs,
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().Bool("dead", false, "replay every dead letter")
	},
	Run: func(c *command.Call) error {
		jobs, err := jobsToReplay(c)
		if err != nil {
			return err
		}
		var faults []error
		replayed := []callback.Delivery{}
		for _, id := range jobs {
			var d callback.Delivery
			if _, err := c.Request(http.MethodPost, admin.DeliveriesPath+"/"+url.PathEscape(id)+"/replay", nil, &d); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", id, err))
				continue
			}
			replayed = append(replayed, d)
		}
		shown := c.Show(replayed, func() error { return c.Printf("%d callbacks are due again.\n", len(replayed)) })
		return errors.Join(shown, errors.Join(faults...))
	},
}

func jobsToReplay(c *command.Call) (jobs []string, err error) {
	switch dead := c.Bool("dead"); {
	case dead && len(c.Args) > 0:
		return nil, errors.New("name jobs, or give --dead for every dead letter, not both")
	case !dead && len(c.Args) == 0:
		return nil, errors.New("name at least one job, or give --dead for every dead letter; `deliveries list` shows them")
	case !dead:
		return c.Args, nil
	}
	const all = 1 << 30
	found, err := deliveries(c, string(callback.Dead), all)
	for i := range found {
		jobs = append(jobs, found[i].JobID.String())
	}
	return jobs, err
}
