package execution_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/source"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(4) // they wait for the database
	os.Exit(m.Run())
}

// rig is the way of a job, and of a caller who waits, from the catalog to a real database of its own: the source "busy" has
// one connection, and "idle" two.
type rig struct {
	t         *testing.T
	cluster   *pgtest.Cluster
	engine    *job.Engine
	plan      *execution.Plan
	directory *identity.Directory
	keys      map[string]string // of each company's user
}

// endpoints are those of each company of the rig.
var endpoints = map[string]string{
	"work":  "/*---\nsource: busy\nmode: async\nlimits: { timeout: 5m }\n---*/\nSELECT pg_sleep(0.02)::text AS v, 1 AS n",
	"long":  "/*---\nsource: busy\nmode: async\nlimits: { timeout: 5m }\n---*/\nSELECT pg_sleep(0.4)::text AS v, 1 AS n",
	"quick": "/*---\nsource: idle\nmode: async\n---*/\nSELECT 1 AS n",
}

func newRig(t *testing.T, settings job.Settings) *rig {
	t.Helper()
	r := &rig{t: t, cluster: pgtest.NewCluster(t), keys: make(map[string]string)}
	db := r.cluster.New(t)
	root := t.TempDir()
	companies := []string{"acme", "globex", "initech"}
	for _, company := range companies {
		if err := os.MkdirAll(filepath.Join(root, company, "default"), 0o755); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{"company.yaml": "name: " + company + "\nusers: { integration: { policies: [DataAPIConsumer] } }\n"}
		for slug, text := range endpoints {
			files["default/"+slug+".sql"] = text
		}
		for path, text := range files {
			if err := os.WriteFile(filepath.Join(root, company, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	snapshot, err := catalog.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	sources := make(execution.Sources)
	for name, conns := range map[string]int{"busy": 1, "idle": 2} {
		database, err := postgres.New(postgres.Config{DSN: db.ReaderDSN, MaxConns: conns, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = database.Close() })
		sources[name] = admission.Admit(database, admission.Options{})
	}
	r.plan = execution.NewPlan(snapshot, execution.NewQueries(sources))
	store, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	keys, err := identity.OpenKeys(t.Context(), store, make([]byte, identity.MinPepper))
	if err != nil {
		t.Fatal(err)
	}
	r.directory = identity.NewDirectory(keys)
	if err := r.directory.SetCompanies(snapshot.Companies()); err != nil {
		t.Fatal(err)
	}
	for _, company := range companies {
		key, _, err := r.directory.CreateKey(t.Context(), identity.NewKey{Company: company, User: "integration"})
		if err != nil {
			t.Fatal(err)
		}
		r.keys[company] = key.ID
	}
	r.engine = job.NewEngine(store, job.Options{Logger: slog.New(slog.DiscardHandler)})
	r.engine.Attach(&execution.JobRuntime{Directory: r.directory, Plan: func() *execution.Plan { return r.plan }}, settings)
	if err := r.engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.engine.Stop(ended)
	})
	return r
}

func (r *rig) bind(company, slug string) *execution.Bound {
	r.t.Helper()
	caller, err := r.directory.Resolve(company, "integration", r.keys[company])
	if err != nil {
		r.t.Fatal(err)
	}
	call, err := r.plan.Find(company, "default", slug)
	if err != nil {
		r.t.Fatal(err)
	}
	bound, err := call.Bind(caller, json.RawMessage(`{}`))
	if err != nil {
		r.t.Fatal(err)
	}
	return bound
}

func (r *rig) request(company, slug string) job.Request {
	bound := r.bind(company, slug)
	return job.Request{
		Company: company, User: "integration", KeyID: r.keys[company],
		Address: bound.Endpoint.Address, Source: bound.Endpoint.Source, Params: bound.Canonical(),
	}
}

func (r *rig) accept(company, slug string) job.ID {
	r.t.Helper()
	j, err := r.engine.Accept(context.Background(), r.request(company, slug))
	if err != nil {
		r.t.Fatal(err)
	}
	return j.ID
}

func (r *rig) wait(id job.ID, atMost time.Duration) job.Job {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	j, err := r.engine.Wait(ctx, id)
	if err != nil {
		r.t.Fatalf("job %s is %s after %s: %v", id, j.Status, atMost, err)
	}
	return j
}

// keepBusy lets callers of a company ask for an endpoint, one call after the other, until the returned function is called.
func (r *rig) keepBusy(company, slug string, callers int) (stop func() (calls int64)) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var calls atomic.Int64
	for range callers {
		bound := r.bind(company, slug)
		group.Go(func() {
			for ctx.Err() == nil {
				_, err := bound.Run(ctx, discard{})
				if err == nil {
					calls.Add(1)
				} else if ctx.Err() == nil && !dataapi.HasCode(err, dataapi.CodeOverloaded) {
					r.t.Errorf("%s: %v", company, err)
					return
				}
			}
		})
	}
	return sync.OnceValue(func() int64 {
		cancel()
		group.Wait()
		return calls.Load()
	})
}

// discard is an encoder that keeps nothing.
type discard struct{}

func (discard) Columns([]source.Column) error { return nil }
func (discard) Row([]source.Value) error      { return nil }
func (discard) End(result.Summary) error      { return nil }
func (discard) Close()                        {}

// Two companies' callers keep a source of one connection busy, and many of their jobs wait for it: another company's job on
// another source has a worker at once, and those that wait get their turns.
func TestJobsOfABusySourceLeaveTheWorkersToOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t, job.Settings{Workers: 4, PerCompany: 3, PerSource: 3})
	var waiting []job.ID
	for _, company := range []string{"acme", "globex"} {
		defer r.keepBusy(company, "long", 6)() // a company's queue is longer than its callers wait
		for range 8 {
			waiting = append(waiting, r.accept(company, "work"))
		}
	}
	for range 5 {
		if j := r.wait(r.accept("initech", "quick"), patience); j.Status != job.Completed {
			t.Fatalf("got %s, %+v", j.Status, j.Error)
		}
	}
	for _, id := range waiting {
		if j := r.wait(id, patience); j.Status != job.Completed || j.Attempt != 1 {
			t.Errorf("got %s after %d attempts, %+v", j.Status, j.Attempt, j.Error)
		}
	}
}

// Jobs, and callers with an idempotency key, outlive a database that is away for a moment.
func TestJobsOutliveADatabaseRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t, job.Settings{Workers: 4})
	restartWith(t, r, 40, 2*time.Second)
}

// restartWith stops the database while jobs wait for it, and starts it again after a while: every job completes.
func restartWith(t *testing.T, r *rig, jobs int, away time.Duration) (took time.Duration) {
	t.Helper()
	if j := r.wait(r.accept("acme", "work"), patience); j.Status != job.Completed {
		t.Fatalf("before: %s, %+v", j.Status, j.Error)
	}
	r.cluster.Stop(t)
	var waiting []job.ID
	for i := range jobs {
		waiting = append(waiting, r.accept([]string{"acme", "globex"}[i%2], "work"))
	}
	// A caller who waits is told, and may ask again with its key.
	attended := r.request("initech", "quick")
	attended.Attended = true
	ask := func() (job.Job, bool) {
		j, repeated, err := r.engine.AcceptOnce(context.Background(), attended, job.Idempotency{Key: "key"})
		if err != nil {
			t.Fatal(err)
		}
		return r.wait(j.ID, patience), repeated
	}
	for range 3 {
		if j, repeated := ask(); repeated || j.Status != job.Failed || j.Error.Code != dataapi.CodeSourceUnavailable {
			t.Fatalf("while it is away: %s, %+v, repeated %t", j.Status, j.Error, repeated)
		}
	}
	time.Sleep(away)
	r.cluster.Start(t)
	begun := time.Now()
	codes := make(map[string]int)
	for _, id := range waiting {
		j := r.wait(id, 2*time.Minute)
		what := string(j.Status)
		if j.Error != nil {
			what += " " + string(j.Error.Code)
		}
		codes[what]++
	}
	took = time.Since(begun)
	if codes["completed"] != jobs {
		t.Errorf("the jobs that waited ended as %v", codes)
	}
	err := errors.New("never asked")
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		j, _ := ask()
		if err = nil; j.Status != job.Completed {
			err = fmt.Errorf("%s, %+v", j.Status, j.Error)
		}
	}
	if err != nil {
		t.Errorf("the key after the restart: %v", err)
	}
	return took
}
