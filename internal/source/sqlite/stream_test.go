//go:build !race

package sqlite

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// discard counts bytes, and samples the heap while they pass.
type discard struct {
	bytes int
	peak  uint64
	next  int
}

func (d *discard) Write(p []byte) (int, error) {
	d.bytes += len(p)
	if d.bytes >= d.next {
		d.next += 8 << 20
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		d.peak = max(d.peak, memory.HeapInuse)
	}
	return len(p), nil
}

// Not under the race detector, beside which a heap says little.
func TestMillionRowsStream(t *testing.T) {
	const rows = 1_000_000
	query := compiledWide(t, openSource(t, wide(t, rows), 1))
	writer := &discard{}
	encoder := result.NewJSON(writer, result.JSONOptions{})
	started := time.Now()
	if err := query.Run(context.Background(), source.Call{Args: number(rows)}, encoder); err != nil {
		t.Fatal(err)
	}
	if err := encoder.End(result.Summary{RowCount: rows, MaxRows: rows}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %s: %d MiB of JSON, at most %d MiB of heap", rows, time.Since(started), writer.bytes>>20, writer.peak>>20)
	if writer.bytes < 64*rows {
		t.Errorf("only %d bytes were written", writer.bytes)
	}
	if writer.peak > 32<<20 {
		t.Errorf("the heap grew to %d MiB", writer.peak>>20)
	}
}
