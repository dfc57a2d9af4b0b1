package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

func deliveriesCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "deliveries",
		Short: "Lists callbacks, and makes those that were given up once more",
		RunE:  refuseUnknown,
	}
	list := serverCommand("list [--state STATE]", "Lists callbacks, oldest job first", noArguments, runListDeliveries)
	list.Flags().String("state", "", "list only those that are pending, delivered or dead")
	list.Flags().Int("limit", 100, "list at most this many")
	replay := serverCommand("replay JOB_ID... | replay --dead", "Makes callbacks that have ended due again at once", cobra.ArbitraryArgs, runReplay)
	replay.Flags().Bool("dead", false, "replay every dead letter")
	group.AddCommand(list, replay)
	return group
}

func runListDeliveries(server adminServer, cmd *cobra.Command, _ []string) error {
	state, _ := cmd.Flags().GetString("state")
	limit, _ := cmd.Flags().GetInt("limit")
	if limit < 1 {
		return fmt.Errorf("--limit is %d: it must be at least 1", limit)
	}
	found, err := server.deliveries(state, limit)
	if err != nil {
		return err
	}
	if server.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(found)
	}
	if len(found) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "There are no such callbacks.")
		return nil
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "JOB\tUSER\tSTATE\tTRIES\tLAST STATUS\tNEXT TRY\tURL\tLAST ERROR")
	for i := range found {
		d := &found[i]
		status, problem := "-", ""
		if n := len(d.Log); n > 0 {
			problem = d.Log[n-1].Error
			if d.Log[n-1].Status != 0 {
				status = strconv.Itoa(d.Log[n-1].Status)
			}
		}
		fmt.Fprintf(table, "%s\t%s/%s\t%s\t%d\t%s\t%s\t%s\t%s\n", d.JobID, d.Company, d.User, d.State, len(d.Log), status,
			timeOrDash(d.NextAttempt.Truncate(time.Second)), withoutQuery(d.URL), orDash(problem))
	}
	return table.Flush()
}

// deliveries follows the pages of the list.
func (s adminServer) deliveries(state string, limit int) (found []callback.Delivery, err error) {
	after := ""
	for len(found) < limit {
		query := url.Values{"state": {state}, "after": {after}, "limit": {strconv.Itoa(min(limit-len(found), maxDeliveries))}}
		var page deliveriesAnswer
		if _, err := s.call(http.MethodGet, adminDeliveriesPath+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		found = append(found, page.Deliveries...)
		if after = page.Next; after == "" {
			break
		}
	}
	return found, nil
}

// withoutQuery leaves out what may hold a receiver's token.
func withoutQuery(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "?"
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

func runReplay(server adminServer, cmd *cobra.Command, jobs []string) error {
	dead, _ := cmd.Flags().GetBool("dead")
	switch {
	case dead && len(jobs) > 0:
		return errors.New("name jobs, or give --dead for every dead letter, not both")
	case dead:
		const all = 1 << 30
		found, err := server.deliveries(string(callback.Dead), all)
		if err != nil {
			return err
		}
		for i := range found {
			jobs = append(jobs, found[i].JobID.String())
		}
	case len(jobs) == 0:
		return errors.New("name at least one job, or give --dead for every dead letter; `deliveries list` shows them")
	}
	var faults []error
	replayed := []callback.Delivery{}
	for _, id := range jobs {
		var d callback.Delivery
		if _, err := server.call(http.MethodPost, adminDeliveriesPath+"/"+url.PathEscape(id)+"/replay", nil, &d); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", id, err))
			continue
		}
		replayed = append(replayed, d)
	}
	if server.json {
		return errors.Join(json.NewEncoder(cmd.OutOrStdout()).Encode(replayed), errors.Join(faults...))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d callbacks are due again.\n", len(replayed))
	return errors.Join(faults...)
}
