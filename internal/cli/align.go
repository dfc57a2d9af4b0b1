package cli

import (
	"strings"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// usageTable is a report with its totals, numbers to the right.
func usageTable(report *usage.Report) (heading string, rows []string) {
	names, cells := report.Table()
	width := make([]int, len(names))
	for _, row := range append([][]string{names}, cells...) {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	labels := len(names) - usage.TableNumbers
	line := func(row []string) string {
		for i := range row {
			if row[i] = command.OrDash(row[i]); i >= labels {
				row[i] = strings.Repeat(" ", width[i]-len(row[i])) + row[i]
			}
		}
		return strings.Join(row, "\t")
	}
	for _, row := range cells {
		rows = append(rows, line(row))
	}
	return strings.ToUpper(line(names)), rows
}
