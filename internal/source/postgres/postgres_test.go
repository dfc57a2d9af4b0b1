package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// open makes a source on db as the reader, with the given changes, and closes it with the test.
func open(t testing.TB, db *pgtest.DB, changes ...func(*postgres.Config)) *postgres.Source {
	t.Helper()
	config := postgres.Config{DSN: db.ReaderDSN}
	for _, change := range changes {
		change(&config)
	}
	s, err := postgres.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func compile(t testing.TB, s *postgres.Source, sql string, params ...source.Param) source.Query {
	t.Helper()
	query, err := s.Compile(source.Statement{SQL: sql, Params: params, MaxRows: 10_000_000})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return query
}

// rows encodes what a run gives and returns the rows' objects as they were written.
func rows(t testing.TB, query source.Query, args ...source.Argument) string {
	t.Helper()
	var out bytes.Buffer
	encoder := result.NewJSON(&out, result.JSONOptions{OmitLimits: true})
	defer encoder.Close()
	if err := query.Run(t.Context(), source.Call{Args: args}, encoder); err != nil {
		t.Fatal(err)
	}
	if err := encoder.End(result.Summary{}); err != nil {
		t.Fatal(err)
	}
	var document struct{ Rows json.RawMessage }
	if err := json.Unmarshal(out.Bytes(), &document); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	return string(document.Rows)
}

// count is a sink that counts.
type count struct {
	columns []source.Column
	rows    int
	each    func(row int) error
}

func (c *count) Columns(columns []source.Column) error {
	c.columns = columns
	return nil
}

func (c *count) Row([]source.Value) error {
	c.rows++
	if c.each != nil {
		return c.each(c.rows)
	}
	return nil
}

func text(s string) source.Argument { return source.Argument{Type: source.ParamString, Text: s} }

// scalar runs a query of the superuser with one column in one row.
func scalar[T any](t testing.TB, db *pgtest.DB, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), db.AdminDSN) // one of its own, since this is asked again and again
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var value T
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return value
}

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// within fails the test when something took longer than it may on a machine at rest. On a busy one, where a session that does
// nothing takes its time too, it may be as much longer as twenty of those.
func within(t testing.TB, db *pgtest.DB, what string, took, limit time.Duration) {
	t.Helper()
	if took <= limit {
		return
	}
	var control time.Duration
	for range 5 {
		begun := time.Now()
		conn, err := pgx.Connect(context.Background(), db.AdminDSN)
		if err == nil {
			err = errors.Join(conn.Ping(context.Background()), conn.Close(context.Background()))
		}
		if err != nil {
			t.Fatal(err)
		}
		control = max(control, time.Since(begun))
	}
	t.Logf("%s took %s instead of %s, while a session takes %s", what, took, limit, control)
	if took > limit+20*control {
		t.Errorf("%s took %s: it may take %s", what, took, limit)
	}
}

// awaitIdle waits until no query runs in the database, which may take so long from the moment since.
func awaitIdle(t testing.TB, db *pgtest.DB, since time.Time, limit time.Duration) {
	t.Helper()
	eventually(t, "no query is left in the database", func() bool { return scalar[int](t, db, running) == 0 })
	within(t, db, "the end of all queries", time.Since(since), limit)
}

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8) // they wait for the database
	os.Exit(m.Run())
}

func TestGuidesExample(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE vendas (regiao text, data date, total numeric(12,2));
		INSERT INTO vendas VALUES ('Sul', '2026-01-02', 149999.50), ('Sul', '2026-02-01', 0.50), ('Norte', '2026-01-01', 1)`)
	query := compile(t, open(t, db), `SELECT regiao, SUM(total) AS total
		FROM vendas
		WHERE data >= @data_inicio AND (@regiao IS NULL OR regiao = @regiao) -- e-mail: x@regiao
		GROUP BY regiao ORDER BY regiao;`,
		source.Param{Name: "regiao", Type: source.ParamString}, source.Param{Name: "data_inicio", Type: source.ParamDate})
	columns, err := query.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(columns) != 2 || columns[0] != (source.Column{Name: "regiao", Type: "varchar"}) || columns[1] != (source.Column{Name: "total", Type: "decimal"}) {
		t.Errorf("columns are %v", columns)
	}
	start := source.Argument{Type: source.ParamDate, Text: "2026-01-01"}
	if got := rows(t, query, text("Sul"), start); got != `[{"regiao":"Sul","total":150000.00}]` {
		t.Error(got)
	}
	if got := rows(t, query, source.Argument{Type: source.ParamString, Null: true}, start); got != `[{"regiao":"Norte","total":1.00},{"regiao":"Sul","total":150000.00}]` {
		t.Error(got)
	}
}
