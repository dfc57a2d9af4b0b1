package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// interruptionBound is when a test calls an interruption late. The statements would run for hours and end within some
// milliseconds; the bound is far from both, since other tests keep the machine busy.
const interruptionBound = time.Minute

func hasTimedOut(err error) bool { return dataapi.HasCode(err, dataapi.CodeExecutionTimeout) }
func isInternal(err error) bool  { return dataapi.HasCode(err, dataapi.CodeInternal) }
func isDown(err error) bool      { return dataapi.HasCode(err, dataapi.CodeSourceUnavailable) }

// mappings returns the size of the process's address space.
func mappings(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatalf("this test needs Linux: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[0])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// wide makes a table of six columns of the sorts that a report has.
func wide(t testing.TB, rows int) string {
	t.Helper()
	return create(t, fmt.Sprintf(`
		CREATE TABLE sales(id INTEGER PRIMARY KEY, region VARCHAR(40), total DECIMAL(10,2), day DATE, price DOUBLE, paid BOOLEAN);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO sales SELECT i, 'region ' || (i %% 50), i * 1.25, date('2020-01-01', '+' || (i %% 900) || ' days'), i * 0.731, i %% 2 FROM n`, rows))
}

const selectWide = "SELECT id, region, total, day, price, paid FROM sales WHERE id <= @n"

func compiledWide(t testing.TB, s *Source) source.Query {
	t.Helper()
	query, err := s.Compile(source.Statement{
		SQL: selectWide, MaxRows: 10_000_000, Params: []source.Param{{Name: "n", Type: source.ParamInteger}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func number(n int64) []source.Argument { return []source.Argument{{Type: source.ParamInteger, Int: n}} }

func TestRowsAllocateNothing(t *testing.T) {
	query := compiledWide(t, openSource(t, wide(t, 10_000), 1))
	allocations := func(rows int64) float64 {
		args, sink := number(rows), &counter{}
		return testing.AllocsPerRun(10, func() {
			if err := query.Run(context.Background(), source.Call{Args: args}, sink); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocations(100), allocations(10_000)
	t.Logf("allocations of a run: %.0f for 100 rows, %.0f for 10,000", few, many)
	if many-few > 10 { // the runtime allocates now and then by itself
		t.Errorf("9,900 rows cost %.0f allocations", many-few)
	}
}

func TestInterruptionIsPrompt(t *testing.T) {
	s := openSource(t, create(t, "CREATE TABLE t(a)"), 2)
	query := compiled(t, s, testRecursion+"SELECT count(*) AS n FROM c")
	for range 10 {
		ctx, cancel := context.WithCancel(context.Background())
		cancelled := make(chan time.Time, 1)
		time.AfterFunc(20*time.Millisecond, func() { cancelled <- time.Now(); cancel() })
		if err := query.Run(ctx, source.Call{}, &counter{}); err != context.Canceled { //nolint:errorlint // it must come unwrapped
			t.Fatalf("got %v, want context.Canceled itself", err)
		}
		if took := time.Since(<-cancelled); took > interruptionBound {
			t.Errorf("the statement ended %s after its cancellation", took)
		}
	}
}

func TestStatementsAreKeptAndBounded(t *testing.T) {
	s := openSource(t, wide(t, 10), 1)
	first := compiledWide(t, s)
	for i := range 3 * maxStatements {
		for _, query := range []source.Query{first, compiled(t, s, fmt.Sprintf("SELECT %d AS n", i))} {
			args := number(3)
			if query != first {
				args = nil
			}
			if err := query.Run(context.Background(), source.Call{Args: args}, &counter{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := s.takeIdle()[0]
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	if len(c.statements) != maxStatements {
		t.Errorf("%d statements are kept, want %d", len(c.statements), maxStatements)
	}
	p := c.statements[first.(*query)]
	if p == nil {
		t.Fatal("the statement that ran last was evicted")
	}
	if p.used != c.runs-1 {
		t.Errorf("the statement ran as number %d of %d", p.used, c.runs)
	}
}

func TestSchemaChangesAreNoticed(t *testing.T) {
	path := create(t, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1)")
	s := openSource(t, path, 1)
	all := compiled(t, s, "SELECT * FROM t")
	show := func() string {
		t.Helper()
		sink := &rowSink{}
		if err := all.Run(context.Background(), source.Call{}, sink); err != nil {
			t.Fatal(err)
		}
		columns, err := all.Check(context.Background())
		if err != nil || fmt.Sprint(columns) != fmt.Sprint(sink.columns) {
			t.Errorf("Check says %v (%v), Run %v", columns, err, sink.columns)
		}
		return named(sink.columns) + fmt.Sprint(" ", sink.rows)
	}
	if got, want := show(), "[{a bigint}] [int 1]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	write(t, path, "ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'x'")
	if got, want := show(), "[{a bigint} {b varchar}] [int 1 | text x]"; got != want {
		t.Errorf("after a column was added: got %s, want %s", got, want)
	}
	write(t, path, "DROP TABLE t; CREATE TABLE t(c DATE)")
	if got, want := show(), "[{c date}] []"; got != want {
		t.Errorf("after the table was made again: got %s, want %s", got, want)
	}
	write(t, path, "DROP TABLE t")
	if err := all.Run(context.Background(), source.Call{}, &rowSink{}); !isInternal(err) || !strings.Contains(err.Error(), "no such table: t") {
		t.Errorf("after the table was dropped: got %v", err)
	}
}

type panicking struct{ counter }

func (*panicking) Row([]source.Value) error { panic("the reader's own") }

func TestPanicOfTheSinkGoesOn(t *testing.T) {
	s := openSource(t, wide(t, 10), 1)
	query := compiledWide(t, s)
	for range 3 {
		func() {
			defer func() {
				if p := recover(); p != "the reader's own" {
					t.Errorf("recovered %v", p)
				}
			}()
			_ = query.Run(context.Background(), source.Call{Args: number(5)}, &panicking{})
		}()
	}
	sink := &counter{}
	if err := query.Run(context.Background(), source.Call{Args: number(5)}, sink); err != nil || sink.rows != 5 {
		t.Errorf("afterwards %d rows come: %v", sink.rows, err)
	}
}

func TestConcurrentRunsAndChecks(t *testing.T) {
	path := wide(t, 500)
	s := openSource(t, path, 3)
	queries := []source.Query{compiledWide(t, s), compiledWide(t, s)}
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				write(t, path, fmt.Sprintf("CREATE TABLE IF NOT EXISTS extra%d(a); DROP TABLE extra%d", i, i))
			}
		}
	})
	for worker := range 6 {
		readers.Go(func() {
			for round := range 30 {
				query := queries[(worker+round)%2]
				ctx, cancel := context.WithCancel(context.Background())
				if round%5 == 4 {
					time.AfterFunc(time.Duration(round)*20*time.Microsecond, cancel)
				}
				sink := &counter{}
				err := query.Run(ctx, source.Call{Args: number(int64(worker*50 + round))}, sink)
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("worker %d: %v", worker, err)
				}
				if err == nil && sink.rows != worker*50+round {
					t.Errorf("worker %d: %d rows, want %d", worker, sink.rows, worker*50+round)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

func TestDecimalParameters(t *testing.T) {
	s := openSource(t, create(t, "CREATE TABLE t(a)"), 1)
	query, err := s.Compile(source.Statement{
		SQL: "SELECT typeof(@d) AS class, @d / 2 AS half, @d AS d", MaxRows: 1, Params: []source.Param{{Name: "d", Type: source.ParamDecimal}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"5", "text real | float64 2.5 | float64 5"},
		{"5.00", "text real | float64 2.5 | float64 5"},
		{"-0.1", "text real | float64 -0.05 | float64 -0.1"},
		{"9007199254740993", "text integer | int 4503599627370496 | int 9007199254740993"},
		{"-9007199254740993.00", "text integer | int -4503599627370496 | int -9007199254740993"},
		{"9007199254740993.5", "text real | float64 4.503599627370497e+15 | float64 9.007199254740994e+15"},
		{"12345678901234567890", "text real | float64 6.172839450617284e+18 | float64 1.2345678901234567e+19"},
		{"1" + strings.Repeat("0", 399), "text real | float64 +Inf | float64 +Inf"},
	} {
		sink := &rowSink{}
		if err := query.Run(context.Background(), source.Call{Args: []source.Argument{{Type: source.ParamDecimal, Text: c.text}}}, sink); err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if sink.rows[0] != c.want {
			t.Errorf("%s: got %s, want %s", c.text, sink.rows[0], c.want)
		}
	}
}

func TestFullTextSearchPassesTheAuthorizer(t *testing.T) {
	s := openSource(t, create(t, `CREATE VIRTUAL TABLE notes USING fts5(body); INSERT INTO notes VALUES ('hello world'), ('other')`), 1)
	for sql, want := range map[string]string{
		"SELECT body FROM notes WHERE notes MATCH 'hello'":                   "[text hello world]",
		"SELECT highlight(notes, 0, '<', '>') AS b FROM notes('world')":      "[text hello <world>]",
		"SELECT body FROM notes WHERE notes MATCH 'o*' ORDER BY bm25(notes)": "[text other]",
		"SELECT key AS k, value AS v FROM json_each('{\"a\":1}')":            "[text a | int 1]",
		"SELECT upper(name) AS n FROM sqlite_schema WHERE name = 'notes'":    "[text NOTES]",
	} {
		query := compiled(t, s, sql)
		if _, err := query.Check(context.Background()); err != nil {
			t.Errorf("%s: Check: %v", sql, err)
			continue
		}
		sink := &rowSink{}
		if err := query.Run(context.Background(), source.Call{}, sink); err != nil || fmt.Sprint(sink.rows) != want {
			t.Errorf("%s: got %v %v, want %s", sql, sink.rows, err, want)
		}
	}
}
