package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// repeat writes the parts for 0 to count-1, one after the other.
func repeat(count int, part string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, strings.ReplaceAll(part, "%", "%[1]d"), i)
	}
	return text.String()
}

// A file costs what it is long, whatever is in it: what compares everything with everything would keep the server busy
// for minutes. Work is measured in what is allocated, which no busy machine changes.
func TestFilesCostWhatTheyAreLong(t *testing.T) {
	endpoint := func(header, statement string) files {
		return files{"acme/company.yaml": "", "acme/default/s.sql": "/*---\nsource: demo\n" + header + "---*/\n" + statement}
	}
	for name, tree := range map[string]func(count int) files{
		"an enum of the wrong type": func(count int) files {
			return endpoint("params: { n: { type: integer, enum: ["+repeat(count, "a%, ")+"b] } }\n", "SELECT @n AS n")
		},
		"unknown keys":          func(count int) files { return endpoint(repeat(count, "k%: 1\n"), "SELECT 1 AS n") },
		"undeclared parameters": func(count int) files { return endpoint("", "SELECT 1"+repeat(count, ", @p%")) },
		"placeholders":          func(count int) files { return endpoint("", "SELECT 1"+repeat(count, ", $1%")) },
		"unused parameters": func(count int) files {
			return endpoint("params:\n"+repeat(count, "  p%: { type: text }\n"), "SELECT 1 AS n")
		},
		"parameters with default": func(count int) files {
			return endpoint("params:\n"+repeat(count, "  p%: { type: integer, default: 1 }\n"), "SELECT 1"+repeat(count, ", @p% AS p%"))
		},
		"shares with nobody": func(count int) files { return endpoint("share:\n"+repeat(count, "  c%: {}\n"), "SELECT 1 AS n") },
		"unknown policies": func(count int) files {
			return files{"acme/company.yaml": "policies:\n" + repeat(count, "  P%: { grants: [{actions: [\"data_api:execute\"]}] }\n") + "users: { erp: { policies: [" + repeat(count, "Q%, ") + "R] } }\n"}
		},
		"contexts of nothing": func(count int) files {
			return files{"acme/company.yaml": "users:\n" + repeat(count, "  u%: { share_context: { p: 1 } }\n")}
		},
		"a context's list": func(count int) files {
			return endpoint("params: { n: { type: integer } }\n", "SELECT @n AS n").with(files{
				"acme/company.yaml": "users: { erp: { share_context: { n: [" + repeat(count, "%, ") + "x] } } }",
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cost := func(count int) float64 {
				root := build(t, tree(count))
				return testing.AllocsPerRun(1, func() { _, _ = catalog.Load(root, dialects...) })
			}
			small, large := cost(100), cost(800)
			if large > 14*small {
				t.Errorf("100 entries cost %.0f allocations, 800 entries %.0f", small, large)
			}
			if faults := strings.Count(lines(t, build(t, tree(1200))), "\n") + 1; faults > 110 {
				t.Errorf("%d faults are told", faults)
			}
		})
	}
}
