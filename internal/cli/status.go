package cli

import (
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var status = command{
	use:   "status",
	short: "Shows the endpoints that are served, the faults of files that are not, and whether the sources answer",
	run: func(c *call) error {
		return ask(c, http.MethodGet, admin.CatalogPath+"?sources", nil, func(catalog admin.Catalog) error {
			rows := make([]string, len(catalog.Endpoints))
			for i, endpoint := range catalog.Endpoints {
				mode := endpoint.Mode
				if !endpoint.Active {
					mode += " (inactive)"
				}
				rows[i] = strings.Join([]string{endpoint.Endpoint, mode, endpoint.Source, endpoint.Revision, orDash(endpoint.Title)}, "\t")
			}
			if err := c.table("ENDPOINT\tMODE\tSOURCE\tREVISION\tTITLE", rows...); err != nil {
				return err
			}
			var states []string
			for _, state := range catalog.Sources {
				states = append(states, state.String())
			}
			return c.printf("%s%s%s", section("FAULTS", catalog.Faults), section("WARNINGS", catalog.Warnings), section("SOURCES", states))
		})
	},
}

// section is lines under a heading, or nothing when there are none.
func section(heading string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "\n" + heading + "\n" + strings.Join(lines, "\n") + "\n"
}
