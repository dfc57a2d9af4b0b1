package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// allocations returns how often the encoder allocates for each row of a large result, beyond what the result itself
// costs: an exact number, which does not depend on the machine.
func allocations(context.Context, *lab) (float64, error) {
	const rows = 10_000
	columns := []source.Column{
		{Name: "id", Type: source.TypeInteger}, {Name: "name", Type: source.TypeVarchar}, {Name: "price", Type: source.TypeDecimal},
		{Name: "day", Type: source.TypeDate}, {Name: "changed_at", Type: source.TypeTimestampTZ}, {Name: "active", Type: source.TypeBoolean},
	}
	values := []source.Value{
		{Kind: source.KindInt, Int: 1234}, {Kind: source.KindText, Bytes: []byte("Item number 1234")}, {Kind: source.KindDecimal, Bytes: []byte("97.70")},
		{Kind: source.KindDate, Int: 19_000}, {Kind: source.KindTimestampTZ, Int: 1_704_067_200_123_456}, {Kind: source.KindBool, Int: 1},
	}
	var failure error
	encode := func(rows int) float64 {
		return testing.AllocsPerRun(20, func() {
			encoder := result.NewJSON(io.Discard, result.JSONOptions{})
			defer encoder.Close()
			failure = encoder.Columns(columns)
			for range rows {
				if err := encoder.Row(values); err != nil {
					failure = err
				}
			}
			if err := encoder.End(result.Summary{RowCount: rows, MaxRows: rows, ExecutedAt: time.Unix(0, 0)}); err != nil {
				failure = err
			}
		})
	}
	return (encode(rows) - encode(1)) / (rows - 1), failure
}
