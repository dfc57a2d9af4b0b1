package boltstore

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/store/storetest"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

func TestUsageStore(t *testing.T) {
	t.Parallel()
	storetest.UsageStore(t, reopened(func(s *Store) usage.Store { return s }))
}

// TestDamagedUsage looks whether a row that cannot be read keeps nobody from the others, nor from counting on.
func TestDamagedUsage(t *testing.T) {
	log := new(strings.Builder)
	s := openStore(t, storePath(t), Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	hour := time.Date(2026, 4, 11, 10, 0, 0, 0, time.UTC)
	row := func(user string, calls int64) usage.Row {
		row := usage.Row{Hour: hour, Key: usage.Key{Company: "acme", User: user}}
		row.Counts[usage.Calls] = calls
		return row
	}
	add := func(number uint64, rows ...usage.Row) {
		t.Helper()
		if err := s.AddUsage(t.Context(), usage.Batch{Source: "a", Number: number, At: hour, Rows: rows}); err != nil {
			t.Fatal(err)
		}
	}
	calls := func() (sum int64) {
		t.Helper()
		rows, err := s.ReadUsage(t.Context(), usage.Filter{From: hour, To: hour.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			sum += row.Counts[usage.Calls]
		}
		return sum
	}
	add(1, row("erp", 3), row("web", 4))
	broken := row("erp", 0)
	for _, value := range []string{"\xff", strings.Repeat("\x01", int(usage.Fields)+1)} {
		err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
			return in(tx, usageBucket).Put(usageKey(&broken), []byte(value))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := calls(); got != 4 {
			t.Errorf("%q: %d calls, want those of the other row", value, got)
		}
	}
	if !strings.Contains(log.String(), "the usage of acme/erp in the hour of 2026-04-11T10:00:00Z") {
		t.Errorf("the log says %s", log)
	}
	add(2, row("erp", 5))
	if got := calls(); got != 9 {
		t.Errorf("%d calls, want those that were counted since, too", got)
	}
}
