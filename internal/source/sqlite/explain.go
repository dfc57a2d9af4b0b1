package sqlite

import (
	"context"
	"strings"

	"github.com/solucao42/caddy-data-api/source"
)

// Explain implements [source.Explainer]: the tree of EXPLAIN QUERY PLAN. SQLite plans without looking at the arguments, and its tree
// shows no constant.
func (q *query) Explain(ctx context.Context, _ source.Call) (plan string, err error) {
	err = q.source.use(ctx, func(c *conn) error {
		stmt, _, err := c.db.Prepare("EXPLAIN QUERY PLAN " + q.sql)
		if err != nil {
			return err
		}
		defer finalize(stmt)
		depths, lines := map[int]int{}, []string(nil)
		for stmt.Step() {
			id, parent := stmt.ColumnInt(0), stmt.ColumnInt(1)
			depth := 0
			if above, ok := depths[parent]; ok {
				depth = above + 1
			}
			depths[id] = depth
			lines = append(lines, strings.Repeat("  ", depth)+stmt.ColumnText(3))
		}
		plan = strings.Join(lines, "\n")
		return stmt.Err()
	})
	return plan, err
}

var _ source.Explainer = (*query)(nil)
