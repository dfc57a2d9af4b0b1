package postgres_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// sales is a typical result of six columns.
const sales = `SELECT i AS id, 'city ' || i % 50 AS city, (i * 1.01)::numeric(12,2) AS total, date '2000-01-01' + i % 9000 AS day,
	timestamptz '2020-01-01 00:00+00' + i * interval '1.5 s' AS at, i / 7.0::float8 AS rate FROM generate_series(1, @n::int) AS i`

func salesQuery(t testing.TB, s *postgres.Source) source.Query {
	return compile(t, s, sales, source.Param{Name: "n", Type: source.ParamInteger})
}

func number(n int64) source.Argument {
	return source.Argument{Type: source.ParamInteger, Int: n, Text: fmt.Sprint(n)}
}

// heapWatch encodes to nowhere, and looks at the heap now and then.
type heapWatch struct {
	result.Encoder
	rows int
	most uint64
}

func (h *heapWatch) Row(values []source.Value) error {
	h.rows++
	if h.rows%50_000 == 0 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		h.most = max(h.most, stats.HeapInuse)
	}
	return h.Encoder.Row(values)
}

func TestMillionRowsStreamInBoundedMemory(t *testing.T) {
	s := open(t, pgtest.New(t))
	query := salesQuery(t, s)
	encoder := result.NewJSON(io.Discard, result.JSONOptions{})
	defer encoder.Close()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	watch := &heapWatch{Encoder: encoder}
	if err := query.Run(t.Context(), source.Call{Args: []source.Argument{number(1_000_000)}}, watch); err != nil {
		t.Fatal(err)
	}
	if watch.rows != 1_000_000 {
		t.Fatalf("%d rows", watch.rows)
	}
	if grown := int64(watch.most) - int64(before.HeapInuse); grown > 8<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	s := open(t, pgtest.New(t), oneConnection)
	query := compile(t, s, `SELECT q.*, ARRAY[total, NULL] AS totals, '\xff'::bytea AS raw, gen_random_uuid() AS u, '{"a":1}'::jsonb AS j, interval '1 day' AS span
		FROM (`+sales+`) AS q`, source.Param{Name: "n", Type: source.ParamInteger})
	allocations := func(n int64) float64 {
		args := []source.Argument{number(n)}
		return testing.AllocsPerRun(20, func() {
			encoder := result.NewJSON(io.Discard, result.JSONOptions{})
			defer encoder.Close()
			if err := query.Run(context.Background(), source.Call{Args: args}, encoder); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocations(1), allocations(5001)
	if perRow := (many - few) / 5000; perRow > 0.002 { // the pools may lose a buffer to the garbage collector
		t.Errorf("%.4f allocations per row: %v for one row, %v for 5001", perRow, few, many)
	}
	t.Logf("%v allocations per run", few)
}

func BenchmarkPoint(b *testing.B) {
	s := open(b, pgtest.New(b))
	query := salesQuery(b, s)
	args := []source.Argument{number(1)}
	b.ReportAllocs()
	for b.Loop() {
		encoder := result.NewJSON(io.Discard, result.JSONOptions{})
		if err := query.Run(context.Background(), source.Call{Args: args}, encoder); err != nil {
			b.Fatal(err)
		}
		encoder.Close()
	}
}

// Benchmark10000Rows gives results per second as a ratio to COPY TO STDOUT of the same table in the same run.
func Benchmark10000Rows(b *testing.B) {
	db := pgtest.New(b)
	db.Exec("CREATE TABLE sales AS SELECT * FROM (" + sales[:len(sales)-len("generate_series(1, @n::int) AS i")] + "generate_series(1, 10000) AS i) AS q; ANALYZE sales")
	s := open(b, db)
	query := compile(b, s, "SELECT * FROM sales")
	conn, err := pgconn.Connect(context.Background(), db.ReaderDSN)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	copied := func() error {
		_, err := conn.CopyTo(context.Background(), io.Discard, "COPY (SELECT * FROM sales) TO STDOUT")
		return err
	}
	encoded := func() error {
		encoder := result.NewJSON(io.Discard, result.JSONOptions{})
		defer encoder.Close()
		if err := query.Run(context.Background(), source.Call{}, encoder); err != nil {
			return err
		}
		return encoder.End(result.Summary{})
	}
	if err := encoded(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var ours, theirs float64
	for b.Loop() { // taken in turns, so that both meet the same machine
		ours += seconds(b, encoded)
		theirs += seconds(b, copied)
	}
	b.ReportMetric(theirs/ours, "of-COPY")
}

func seconds(b *testing.B, do func() error) float64 {
	started := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(started).Seconds()
}
