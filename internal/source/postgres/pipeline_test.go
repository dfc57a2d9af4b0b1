package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

func withPipelines(count int) func(*postgres.Config) {
	return func(c *postgres.Config) { c.Pipelines, c.MaxConns = count, 4 }
}

// cells is a sink that keeps what it gets as text.
type cells struct {
	values []string
	block  func()
}

func (c *cells) Columns([]source.Column) error { return nil }

func (c *cells) Row(values []source.Value) error {
	if c.block != nil {
		c.block()
	}
	for _, value := range values {
		c.values = append(c.values, string(result.AppendText(nil, value)))
	}
	return nil
}

// short runs a query as an endpoint does whose time limit lets it share a connection.
func short(t testing.TB, query source.Query, args ...source.Argument) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), postgres.PipelineTimeout)
	defer cancel()
	var got cells
	err := query.Run(ctx, source.Call{Args: args}, &got)
	return got.values, err
}

// onPipeline waits until runs of a query share one session, other than that of a run without a limit, and returns its process
// id. On a busy machine the runs may have one after the other an ordinary connection before the pipeline is open.
func onPipeline(t testing.TB, s *postgres.Source) string {
	t.Helper()
	query := compile(t, s, "SELECT pg_backend_pid() AS pid")
	var shared string
	eventually(t, "every run shares the pipeline", func() bool {
		seen := make(map[string]bool)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if got, err := short(t, query); err == nil {
					mu.Lock()
					defer mu.Unlock()
					seen[got[0]], shared = true, got[0]
				}
			})
		}
		all.Wait()
		var alone cells
		if err := query.Run(t.Context(), source.Call{}, &alone); err != nil {
			t.Fatal(err)
		}
		return len(seen) == 1 && alone.values[0] != shared
	})
	return shared
}

var n = source.Param{Name: "n", Type: source.ParamInteger}

// atOnce runs f in many goroutines, many times.
func atOnce(t testing.TB, f func(run int) error) {
	t.Helper()
	var all sync.WaitGroup
	for worker := range 24 {
		all.Go(func() {
			for i := range 60 {
				if err := f(worker*1000 + i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// echoes checks that a run gets its own answer.
func echoes(t testing.TB, query source.Query, run int) error {
	t.Helper()
	got, err := short(t, query, number(int64(run)))
	if err != nil {
		return fmt.Errorf("run %d: %w", run, err)
	}
	if want := []string{strconv.Itoa(run), "text of " + strconv.Itoa(run), ""}; fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("run %d got %q", run, got)
	}
	return nil
}

const echo = "SELECT @n AS n, 'text of ' || @n AS label, NULL::date AS nothing"

func TestPipelineGivesEveryRunItsOwnAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(2))
	query := compile(t, s, echo, n)
	atOnce(t, func(run int) error { return echoes(t, query, run) })
}

func TestPipelineIsSharedAndLongRunsStayAway(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE typed (a varchar(20), b numeric(12,2), c timestamptz(3)); INSERT INTO typed VALUES ('x', 1, now()); GRANT SELECT ON typed TO " + pgtest.ReaderRole)
	s := open(t, db, withPipelines(1))
	shared := onPipeline(t, s)
	typed := compile(t, s, "SELECT pg_backend_pid() AS pid, @n AS n, typed.* FROM typed", n)
	eventually(t, "a statement with parameters and types of every kind runs on the pipeline too", func() bool {
		got, err := short(t, typed, number(7))
		if err != nil || got[1] != "7" || got[3] != "1.00" {
			t.Fatal(got, err)
		}
		return got[0] == shared
	})
	query := compile(t, s, "SELECT pg_backend_pid() AS pid")
	for what, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"without a limit": func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
		"with a long one": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 2*postgres.PipelineTimeout)
		},
	} {
		ctx, cancel := ctx()
		var got cells
		if err := query.Run(ctx, source.Call{}, &got); err != nil || got.values[0] == shared {
			t.Errorf("a run %s: %v, %v on the pipeline %s", what, got.values, err, shared)
		}
		cancel()
	}
}

// An error, a result that is too large, a statement that is too slow and a caller who leaves touch nobody else.
func TestPipelineKeepsFaultsApart(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	onPipeline(t, s)
	good := compile(t, s, echo, n)
	fails := compile(t, s, "SELECT 1 / (@n - @n) AS n", n)
	large := compile(t, s, "SELECT repeat('x', 1000) AS v FROM generate_series(1, @n)", n)
	slow := compile(t, s, "SELECT @n AS n, pg_sleep(0.3)::text AS slept", n)
	var left, failed atomic.Int32
	atOnce(t, func(run int) error {
		switch run % 12 {
		case 1:
			_, err := short(t, fails, number(1))
			if !dataapi.HasCode(err, dataapi.CodeValueRefused) {
				return fmt.Errorf("a statement that fails: %w", err)
			}
			failed.Add(1)
		case 2:
			got, err := short(t, large, number(200))
			if err != nil || len(got) != 200 {
				return fmt.Errorf("a large result: %d rows, %w", len(got), err)
			}
		case 3:
			ctx, cancel := context.WithTimeout(t.Context(), postgres.PipelineTimeout)
			time.AfterFunc(time.Duration(run%7)*100*time.Microsecond, cancel)
			err := good.Run(ctx, source.Call{Args: []source.Argument{number(1)}}, &cells{})
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("a caller who leaves: %w", err)
			}
			if err != nil {
				left.Add(1)
			}
		default:
			return echoes(t, good, run)
		}
		return nil
	})
	if left.Load() == 0 || failed.Load() == 0 {
		t.Errorf("%d callers left, %d statements failed", left.Load(), failed.Load())
	}
	// Slow statements run to their end, on connections of their own, and leave the pipeline to others.
	var sleepers sync.WaitGroup
	for i := range 4 {
		sleepers.Go(func() {
			if got, err := short(t, slow, number(int64(i))); err != nil || got[0] != strconv.Itoa(i) {
				t.Errorf("a slow statement: %q, %v", got, err)
			}
		})
	}
	for i := range 100 {
		if err := echoes(t, good, i); err != nil && !dataapi.HasCode(err, dataapi.CodeOverloaded) {
			t.Error(err)
		}
	}
	sleepers.Wait()
	onPipeline(t, s)
}

func TestPipelineEndsARunAtItsOwnDeadline(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, withPipelines(1))
	onPipeline(t, s)
	slow := compile(t, s, "SELECT pg_sleep(3600)::text AS slept")
	if _, err := slow.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []time.Duration{30 * time.Millisecond, 300 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		started := time.Now()
		err := slow.Run(ctx, source.Call{}, &cells{})
		cancel()
		if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
			t.Errorf("a limit of %s: %v after %s", limit, err, time.Since(started))
		}
		within(t, db, "a run with a limit of "+limit.String(), time.Since(started), limit+2*time.Second)
	}
}

func TestPipelineDoesNotWaitForSlowReaders(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	onPipeline(t, s)
	query := compile(t, s, echo, n)
	if _, err := short(t, query, number(1)); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	var readers sync.WaitGroup
	for range 8 { // more than there are connections
		readers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), postgres.PipelineTimeout)
			defer cancel()
			if err := query.Run(ctx, source.Call{Args: []source.Argument{number(1)}}, &cells{block: func() { <-release }}); err != nil {
				t.Error(err)
			}
		})
	}
	atOnce(t, func(run int) error { return echoes(t, query, run) })
	close(release)
	readers.Wait()
}

// What is lined up when the connection is lost runs again elsewhere, but for the one that the server was at, and the pipeline
// comes back.
func TestPipelineThatIsLost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, withPipelines(1))
	query := compile(t, s, echo, n)
	for range 5 {
		shared := onPipeline(t, s)
		var load sync.WaitGroup
		var interrupted atomic.Int32
		load.Go(func() {
			atOnce(t, func(run int) error {
				err := echoes(t, query, run)
				if dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) && interrupted.Add(1) == 1 {
					return nil
				}
				return err
			})
		})
		time.Sleep(10 * time.Millisecond)
		db.Exec("SELECT pg_terminate_backend(" + shared + ")")
		load.Wait()
		if onPipeline(t, s) == shared {
			t.Error("the pipeline was not lost")
		}
	}
}

func TestPipelineWhenTheSchemaChanges(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE changing (a int); INSERT INTO changing VALUES (1); GRANT SELECT ON changing TO " + pgtest.ReaderRole)
	s := open(t, db, withPipelines(1))
	onPipeline(t, s)
	query := compile(t, s, "SELECT a FROM changing")
	for _, step := range []struct{ sql, want string }{
		{"SELECT 1", "1"}, {"ALTER TABLE changing ALTER a TYPE text USING 'a' || a", "a1"}, {"ALTER TABLE changing ADD b int", "a1"},
		{"DROP TABLE changing; CREATE TABLE changing AS SELECT 2.50 AS a; GRANT SELECT ON changing TO " + pgtest.ReaderRole, "2.50"},
	} {
		db.Exec(step.sql)
		for range 5 {
			if got, err := short(t, query); err != nil || got[0] != step.want {
				t.Errorf("after %s: %q, %v", step.sql, got, err)
			}
		}
	}
	onPipeline(t, s)
}

func TestPipelineOfManyStatements(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	onPipeline(t, s)
	for i := range 300 { // 256 are kept
		query := compile(t, s, fmt.Sprintf("SELECT @n + %d AS n", i), n)
		for range 2 {
			if got, err := short(t, query, number(1)); err != nil || got[0] != strconv.Itoa(i+1) {
				t.Fatalf("statement %d: %q, %v", i, got, err)
			}
		}
	}
	onPipeline(t, s)
}

func TestPipelineClosesUnderLoad(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	query := compile(t, s, echo, n)
	onPipeline(t, s)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := 0; ; i++ {
				if err := echoes(t, query, i); err != nil {
					if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}

func TestPipelinesAreRefusedWhereSessionsAreNotShared(t *testing.T) {
	for what, change := range map[string]func(*postgres.Config){
		"claims":             func(c *postgres.Config) { c.Claims, c.AllowSetConfig = true, true },
		"no statement cache": func(c *postgres.Config) { c.NoStatementCache = true },
		"too many":           func(c *postgres.Config) { c.Pipelines = 17 },
		"negative":           func(c *postgres.Config) { c.Pipelines = -1 },
	} {
		config := postgres.Config{DSN: "host=localhost", Pipelines: 1}
		change(&config)
		if s, err := postgres.New(config); err == nil {
			s.Close()
			t.Errorf("pipelines with %s are accepted", what)
		}
	}
}

// A row that the pipeline does not keep, because it is larger than its buffer, is not left out of the result.
func TestPipelineGivesUpAResultWithALargeRow(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	onPipeline(t, s)
	for _, size := range []int{60_000, 65_520, 65_536, 70_000, 1_000_000, 3_000_000} {
		query := compile(t, s, "SELECT repeat('x', l::int) AS v FROM unnest(ARRAY[1, @n, 2]) AS l", n)
		if _, err := query.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := short(t, query, number(int64(size)))
			if err != nil || len(got) != 3 || len(got[0]) != 1 || len(got[1]) != size || len(got[2]) != 2 {
				t.Errorf("%d bytes: %d rows, %v", size, len(got), err)
			}
		}
	}
	onPipeline(t, s)
}
