package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

type options struct {
	binary      string
	connections int
	rounds      int
	turn        time.Duration
	quiet, busy int // callers
	rows        int
	wait        time.Duration
	same        bool
}

func main() {
	var o options
	flag.StringVar(&o.binary, "caddy", "bin/caddy", "the server")
	flag.IntVar(&o.connections, "connections", 2, "max_conns of the source; with more than there are cores, the database's own queue adds to the times")
	flag.IntVar(&o.rounds, "rounds", 5, "turns of each kind")
	flag.DurationVar(&o.turn, "turn", 5*time.Second, "how long a turn is")
	flag.IntVar(&o.quiet, "quiet", 1, "callers of the quiet company")
	flag.IntVar(&o.busy, "busy", 50, "callers of the busy company")
	flag.IntVar(&o.rows, "rows", 100_000, "rows that a query counts: 100,000 are about 10 ms of processor time")
	flag.DurationVar(&o.wait, "wait", 0, "how long a query waits inside the database instead, as one does that waits for a disk")
	flag.BoolVar(&o.same, "same", false, "let both be one company, whose callers are served as they come: what there would be without fairness")
	flag.Parse()
	rig.Main("fairness", func(ctx context.Context) error { return measure(ctx, o) })
}

func measure(ctx context.Context, o options) error {
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	cluster, dsn, err := rig.StartDatabase(ctx)
	if err != nil {
		return err
	}
	defer cluster.Remove()
	statement := fmt.Sprintf("SELECT count(*) AS n FROM generate_series(1, %d)", o.rows)
	if o.wait > 0 {
		statement = fmt.Sprintf("SELECT count(*) AS n FROM pg_sleep(%f)", o.wait.Seconds())
	}
	endpoint := "/*---\nsource: warehouse\n---*/\n" + statement
	company := "users: { erp: { policies: [DataAPIConsumer] } }\n"
	server, err := rig.Start(ctx, rig.Config{
		Binary: binary,
		Files: map[string]string{
			"quiet/company.yaml": company, "busy/company.yaml": company,
			"quiet/default/count.sql": endpoint, "busy/default/count.sql": endpoint,
		},
		Options: fmt.Sprintf("source warehouse postgres %q {\n\t\t\tmax_conns %d\n\t\t}", dsn, o.connections),
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	var tenants [2]*tenant
	names := []string{"quiet", "busy"}
	if o.same {
		names[0] = names[1]
	}
	for i, name := range names {
		if tenants[i], err = newTenant(ctx, server, name); err != nil {
			return err
		}
	}
	return compare(ctx, o, tenants[0], tenants[1])
}

// compare measures in turns and prints what came of it.
func compare(ctx context.Context, o options, quiet, busy *tenant) error {
	if _, err := quiet.run(ctx, o.quiet, time.Second); err != nil { // connections are made, statements prepared
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "turn\talone: requests\tmedian\tp99\tbeside the busy one: requests\tmedian\tp99\tp99's ratio\tthe busy one: 200\t503\t\n")
	var ratios []float64
	for turn := range o.rounds {
		alone, err := quiet.run(ctx, o.quiet, o.turn)
		if err != nil {
			return err
		}
		beside, loud, err := together(ctx, o, quiet, busy)
		if err != nil {
			return err
		}
		ratio := float64(at(beside.times, 99)) / float64(at(alone.times, 99))
		ratios = append(ratios, ratio)
		fmt.Fprintf(table, "%d\t%d\t%.1f ms\t%.1f ms\t%d\t%.1f ms\t%.1f ms\t%.2f\t%d\t%d\t\n", turn+1,
			len(alone.times), ms(at(alone.times, 50)), ms(at(alone.times, 99)),
			len(beside.times), ms(at(beside.times, 50)), ms(at(beside.times, 99)), ratio, len(loud.times), loud.refused)
		if beside.refused > 0 {
			return fmt.Errorf("%d requests of the quiet company were refused", beside.refused)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	slices.Sort(ratios)
	fmt.Printf("\nThe p99 of the quiet company is %.2f times as long beside the busy one (median of %d turns).\n",
		ratios[len(ratios)/2], len(ratios))
	return nil
}

// together runs both companies; the busy one begins a little earlier and ends later.
func together(ctx context.Context, o options, quiet, busy *tenant) (beside, loud outcome, err error) {
	var all sync.WaitGroup
	var busyErr error
	all.Go(func() { loud, busyErr = busy.run(ctx, o.busy, o.turn+time.Second) })
	time.Sleep(500 * time.Millisecond)
	beside, err = quiet.run(ctx, o.quiet, o.turn)
	all.Wait()
	return beside, loud, errors.Join(err, busyErr)
}

// tenant is a company with a token.
type tenant struct {
	url, token string
	client     *http.Client
}

func newTenant(ctx context.Context, server *rig.Server, company string) (*tenant, error) {
	key, err := server.CreateKey(ctx, company, "erp")
	if err != nil {
		return nil, err
	}
	token, err := server.Token(ctx, company, key)
	return &tenant{
		url: "http://" + server.Address + "/api/v1/data-api/default/count/execute", token: token,
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 1000}},
	}, err
}

// outcome is what became of the requests of a turn.
type outcome struct {
	times   []time.Duration // of those that were answered, in ascending order
	refused int64           // with 503
}

// run sends requests from so many callers, each one after the other, for a while.
func (t *tenant) run(ctx context.Context, callers int, span time.Duration) (outcome, error) {
	deadline := time.Now().Add(span)
	var refused atomic.Int64
	times := make([][]time.Duration, callers)
	failures := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for time.Now().Before(deadline) && ctx.Err() == nil {
				started := time.Now()
				status, err := t.ask(ctx)
				switch {
				case err != nil:
					failures[i] = err
					return
				case status == http.StatusOK:
					times[i] = append(times[i], time.Since(started))
				case status == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					failures[i] = fmt.Errorf("a request is answered with %d", status)
					return
				}
			}
		})
	}
	all.Wait()
	sorted := slices.Concat(times...)
	slices.Sort(sorted)
	return outcome{sorted, refused.Load()}, errors.Join(errors.Join(failures...), ctx.Err())
}

func (t *tenant) ask(ctx context.Context) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+t.token)
	response, err := t.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func at(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(len(times)*percent/100, len(times)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
