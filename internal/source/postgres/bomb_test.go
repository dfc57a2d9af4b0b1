package postgres_test

import (
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// TestRowsThatAreTooLargeAreRefused: they would take memory on the wire, or only when their numbers are spelled out.
func TestRowsThatAreTooLargeAreRefused(t *testing.T) {
	s := open(t, pgtest.New(t), oneConnection)
	for name, test := range map[string]struct {
		sql  string
		most uint64 // MiB that may be allocated
	}{
		"cell":     {"SELECT repeat('x', 60000000) AS v", 32},
		"row":      {"SELECT " + wide("repeat('x', 1200000)", 50), 32},
		"array":    {"SELECT array_fill(1e-16000::numeric, ARRAY[60000]) AS v", 256},
		"numerics": {"SELECT " + wide("1e131000::numeric", 1600), 32},
	} {
		query := compile(t, s, test.sql)
		if _, err := query.Check(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		encoder := result.NewJSON(io.Discard, result.JSONOptions{})
		err := query.Run(t.Context(), source.Call{}, encoder)
		encoder.Close()
		runtime.ReadMemStats(&after)
		if !dataapi.HasCode(err, dataapi.CodeInternal) || !strings.Contains(err.Error(), "larger than the 32 MiB") {
			t.Errorf("%s: got %v", name, err)
		}
		if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > test.most {
			t.Errorf("%s: %d MiB were allocated", name, grown)
		}
	}
	if got := rows(t, compile(t, s, "SELECT length(repeat('x', 20000000)) AS n, repeat('x', 20000000) AS v")); len(got) < 20_000_000 {
		t.Errorf("a row of 20 MB was not had: %d bytes", len(got))
	}
}

func wide(expression string, columns int) string {
	list := make([]string, columns)
	for i := range list {
		list[i] = expression + " AS c" + strconv.Itoa(i)
	}
	return strings.Join(list, ", ")
}

// TestPipelineIsLostOnceToARowThatIsTooLarge, and not with every run of its statement.
func TestPipelineIsLostOnceToARowThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	before := onPipeline(t, s)
	run := func(query source.Query) (session string) {
		_, err := short(t, query)
		if err != nil && !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
			t.Errorf("got %v", err)
		}
		return onPipeline(t, s)
	}
	var bomb source.Query
	var after string
	// On a busy machine the row is not made within the time that a statement has on a pipeline: then another one tries.
	eventually(t, "the row reaches the pipeline", func() bool {
		bomb = compile(t, s, "SELECT repeat('x', 5000000) AS v")
		if _, err := bomb.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		after = run(bomb)
		return after != before
	})
	for range 2 {
		if again := run(bomb); again != after {
			t.Errorf("the pipeline was session %s, and then %s", after, again)
		}
	}
}

// TestPipelineMeetsASlowStatementSeldom: one that takes a little less than a pipeline allows would make all others wait each time.
func TestPipelineMeetsASlowStatementSeldom(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), withPipelines(1))
	pipeline := onPipeline(t, s)
	slow := compile(t, s, "SELECT pg_backend_pid() AS pid, pg_sleep(0.06)::text AS slept")
	if _, err := slow.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	on := 0
	for range 20 { // in 1.2 s, which is time for two on the pipeline; on a busy machine it takes longer, and is time for more
		got, err := short(t, slow)
		if err != nil {
			t.Fatal(err)
		}
		if got[0] == pipeline {
			on++
		}
	}
	if on > 8 {
		t.Errorf("%d of 20 ran on the pipeline", on)
	}
}
