package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/source"
)

// BenchmarkRun reports how long a run of 10,000 rows of six columns takes as a multiple of the driver's bare loop over
// the same rows in the same process, which reads every cell and does nothing with it.
func BenchmarkRun(b *testing.B) {
	const rows = 10_000
	path := wide(b, rows)
	s := openSource(b, path, 1)
	query, args, sink := compiledWide(b, s), number(rows), &counter{}

	db, err := sqlite3.OpenFlags(uri(path, "os"), sqlite3.OPEN_READONLY|sqlite3.OPEN_URI)
	if err != nil {
		b.Fatal(err)
	}
	stmt, _, err := db.Prepare(selectWide)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		stmt.Close()
		db.Close()
	}()
	bare := func() {
		if err := stmt.BindInt64(1, rows); err != nil {
			b.Fatal(err)
		}
		read := 0
		for stmt.Step() {
			for column := range 6 {
				switch stmt.ColumnType(column) {
				case sqlite3.INTEGER:
					read += int(stmt.ColumnInt64(column)) & 1
				case sqlite3.FLOAT:
					read += int(stmt.ColumnFloat(column)) & 1
				default:
					read += len(stmt.ColumnRawText(column))
				}
			}
		}
		if err := stmt.Reset(); err != nil || read == 0 {
			b.Fatal(read, err)
		}
	}

	var ours, theirs time.Duration
	b.ReportAllocs()
	for b.Loop() {
		started := time.Now()
		bare()
		middle := time.Now()
		if err := query.Run(context.Background(), source.Call{Args: args}, sink); err != nil {
			b.Fatal(err)
		}
		theirs += middle.Sub(started)
		ours += time.Since(middle)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-bare")
	b.ReportMetric(float64(rows)*float64(b.N)/ours.Seconds(), "rows/s")
}
