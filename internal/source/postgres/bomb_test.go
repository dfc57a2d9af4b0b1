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
