package sqlite

import (
	"context"
	"errors"

	"github.com/solucao42/caddy-data-api/source"
)

// described lists columns, a row each, of the tables and views. The columns that are hidden are those of virtual tables that are
// not read by name.
const described = `
SELECT l.name, l.type, x.name, x.type, x."notnull"
FROM pragma_table_list AS l JOIN pragma_table_xinfo(l.name) AS x
WHERE l.schema = 'main' AND l.type IN ('table', 'view', 'virtual') AND l.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND x.hidden <> 1
ORDER BY l.name, x.cid`

// describing are what [described] and [versioned] need beside reading. Statements of endpoints never run while a connection describes.
var describing = map[string]bool{
	"table_list": true, "table_xinfo": true, "pragma_table_list": true, "pragma_table_xinfo": true, "schema_version": true,
}

// Describe implements [source.Describer].
func (s *Source) Describe(ctx context.Context, maxTables, maxColumns int) (schema source.Schema, err error) {
	err = s.use(ctx, func(c *conn) (err error) {
		c.describes = true
		defer func() { c.describes = false }()
		stmt, _, err := c.db.Prepare(described)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		columns := 0
		for stmt.Step() {
			name := stmt.ColumnText(0)
			begins := len(schema.Tables) == 0 || schema.Tables[len(schema.Tables)-1].Name != name
			switch {
			case columns == maxColumns && !begins: // the last table is not whole
				schema.Tables = schema.Tables[:len(schema.Tables)-1]
				fallthrough
			case columns == maxColumns, begins && len(schema.Tables) == maxTables:
				schema.Truncated = true
				return nil
			case begins:
				kind := source.KindTable
				if stmt.ColumnText(1) == "view" {
					kind = source.KindView
				}
				schema.Tables = append(schema.Tables, source.Table{Name: name, Kind: kind, Plain: true})
			}
			last := &schema.Tables[len(schema.Tables)-1]
			last.Columns = append(last.Columns, source.TableColumn{
				Name: stmt.ColumnText(2), Type: stmt.ColumnText(3), Nullable: stmt.ColumnInt(4) == 0,
			})
			columns++
		}
		return stmt.Err()
	})
	if err != nil {
		return source.Schema{}, err
	}
	return schema, nil
}

var _ source.Describer = (*Source)(nil)
