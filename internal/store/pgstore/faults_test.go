//go:build faults

package pgstore_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest/jobtest"
)

func TestFaultsClusterKilledServersLoseNothing(t *testing.T) { killServers(t, 1000, 3) }

// What a server gives back when it stops in good order is run by another within the second in which that looks for work.
func TestFaultsClusterJobsOfAStoppedServer(t *testing.T) {
	const events, atOnce, within = 100, 4, time.Second
	dsn := pgtest.New(t).AdminDSN
	took := make([]time.Duration, events)
	var all sync.WaitGroup
	for worker := range atOnce {
		all.Go(func() {
			options := pgstore.Options{Schema: fmt.Sprintf("stopped_%d", worker)}
			a, b := openReal(t, dsn, options), openReal(t, dsn, options)
			following, end := context.WithCancel(t.Context())
			defer end()
			for _, s := range []*pgstore.Store{a, b} { // as servers do
				go s.Follow(following, func(context.Context, []store.Change) error { return nil })
			}
			for a.Standing().Nodes < 2 {
				time.Sleep(50 * time.Millisecond)
			}
			for n := worker; n < events; n += atOnce {
				took[n] = handOver(t, a, b)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	p99 := took[events*99/100-1]
	t.Logf("| a job of a server that stops runs on another | %s | %s | %s | %s |", within, took[events/2].Round(time.Millisecond),
		p99.Round(time.Millisecond), took[events-1].Round(time.Millisecond))
	if p99 > within {
		t.Errorf("of %d jobs, one in a hundred ran again after %s: it may take %s", events, p99, within)
	}
}

// handOver stops an engine while it runs a job, and returns how long after that the job runs on another.
func handOver(t *testing.T, a, b *pgstore.Store) time.Duration {
	first, second := startEngine(t, a), startEngine(t, b)
	runs, again := make(chan struct{}, 1), make(chan struct{}, 1)
	first.Attach(blocking{runs}, job.Settings{Workers: 1})
	_, err := first.Accept(t.Context(), job.Request{
		Company: "acme", User: "integration", KeyID: "s42_key", Source: "main",
		Address: dataapi.Address{Company: "acme", Namespace: "default", Slug: "report"},
	})
	if err != nil {
		t.Error(err)
		return 0
	}
	<-runs
	second.Attach(blocking{again}, job.Settings{Workers: 1})
	time.Sleep(rand.N(time.Second)) // it looks for work once a second
	at, cancel := context.WithCancel(t.Context())
	cancel()
	_ = first.Stop(at) // at once
	stopped := time.Now()
	<-again
	took := time.Since(stopped)
	jobs, err := b.Unfinished(t.Context())
	for _, j := range jobs {
		_, err = second.Cancel(t.Context(), j.ID)
	}
	if err != nil {
		t.Error(err)
	}
	_ = second.Stop(at)
	return took
}

func startEngine(t *testing.T, s *pgstore.Store) *job.Engine {
	engine := job.NewEngine(s, job.Options{Owner: fmt.Sprint(rand.Uint64()), Logger: slog.New(slog.DiscardHandler)})
	if err := engine.Start(t.Context()); err != nil {
		t.Error(err)
	}
	return engine
}

// blocking says that a job runs, and lets it run until it is ended.
type blocking struct{ runs chan<- struct{} }

func (blocking) Authorize(context.Context, job.Job) error { return nil }
func (blocking) TimeLimit(job.Job) time.Duration          { return time.Hour }

func (b blocking) Run(ctx context.Context, _ job.Job, _ io.Writer) (result.Summary, error) {
	b.runs <- struct{}{}
	<-ctx.Done()
	return result.Summary{}, context.Cause(ctx)
}

// TestFaultsClusterConformance draws many more programs than the tests of each day, for stores that three servers share.
func TestFaultsClusterConformance(t *testing.T) {
	draws := flag.Lookup("rapid.checks").Value
	before := draws.String()
	t.Cleanup(func() { _ = draws.Set(before) })
	if err := draws.Set("500"); err != nil {
		t.Fatal(err)
	}
	suite := &suite{dsn: pgtest.New(t).AdminDSN}
	jobtest.RunShared(t, 3, suite.openShared)
}
