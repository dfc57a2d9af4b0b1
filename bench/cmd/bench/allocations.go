package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/result"
)

// allocations returns how often the encoder allocates for each row of a large result, beyond what the result itself
// costs: an exact number, which does not depend on the machine.
func allocations(context.Context, *lab) (float64, error) {
	const rows = 10_000
	columns := []result.Column{
		{Name: "id", Type: result.Integer}, {Name: "name", Type: result.Varchar}, {Name: "price", Type: result.DecimalType},
		{Name: "day", Type: result.DateType}, {Name: "changed_at", Type: result.TimestampTZType}, {Name: "active", Type: result.Boolean},
	}
	values := []result.Value{
		{Kind: result.Int, Int: 1234}, {Kind: result.Text, Bytes: []byte("Item number 1234")}, {Kind: result.Decimal, Bytes: []byte("97.70")},
		{Kind: result.Date, Int: 19_000}, {Kind: result.TimestampTZ, Int: 1_704_067_200_123_456}, {Kind: result.Bool, Int: 1},
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
