package postgres

import (
	"context"
	"strconv"

	"github.com/solucao42/caddy-data-api/source"
)

// described lists columns, a row each, of what the role may read. It looks at the role's rights on the schema, the table and the
// column, as the database does when a statement is run.
const described = `
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') AS comment,
       pg_catalog.pg_table_is_visible(c.oid) AS plain,
       a.attname::text AS column, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       coalesce(pg_catalog.col_description(c.oid, a.attnum), '') AS column_comment
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum
LIMIT @limit`

// tableKinds are the kinds by pg_class.relkind.
var tableKinds = map[string]source.TableKind{
	"r": source.KindTable, "p": source.KindTable, "v": source.KindView, "m": source.KindMaterializedView, "f": source.KindForeignTable,
}

// Describe implements [source.Describer]. It runs a statement as every other is run: in a read-only transaction, as the role.
func (s *Source) Describe(ctx context.Context, maxTables, maxColumns int) (source.Schema, error) {
	query, err := s.Compile(source.Statement{
		SQL: described, Params: []source.Param{{Name: "limit", Type: source.ParamInteger}}, MaxRows: maxColumns, Name: "schema",
	})
	if err != nil {
		return source.Schema{}, err
	}
	limit := int64(maxColumns) + 1
	arguments := []source.Argument{{Type: source.ParamInteger, Int: limit, Text: strconv.FormatInt(limit, 10)}}
	sink := &schemaSink{maxTables: maxTables, maxColumns: maxColumns}
	if err := query.Run(ctx, source.Call{Args: arguments}, sink); err != nil {
		return source.Schema{}, err
	}
	return sink.schema, nil
}

// schemaSink gathers tables of the rows of [described].
type schemaSink struct {
	schema                source.Schema
	maxTables, maxColumns int
	columns               int
}

// Columns implements [source.Sink].
func (*schemaSink) Columns([]source.Column) error { return nil }

// Row implements [source.Sink].
func (k *schemaSink) Row(row []source.Value) error {
	if k.schema.Truncated {
		return nil
	}
	tables := k.schema.Tables
	schema, name := string(row[0].Bytes), string(row[1].Bytes)
	begins := len(tables) == 0 || tables[len(tables)-1].Schema != schema || tables[len(tables)-1].Name != name
	switch {
	case k.columns == k.maxColumns && !begins: // the last table is not whole
		k.schema.Tables, k.schema.Truncated = tables[:len(tables)-1], true
		return nil
	case k.columns == k.maxColumns, begins && len(tables) == k.maxTables:
		k.schema.Truncated = true
		return nil
	case begins:
		tables = append(tables, source.Table{
			Schema: schema, Name: name, Kind: tableKinds[string(row[2].Bytes)], Comment: string(row[3].Bytes), Plain: row[4].Int != 0,
		})
	}
	last := &tables[len(tables)-1]
	last.Columns = append(last.Columns, source.TableColumn{
		Name: string(row[5].Bytes), Type: string(row[6].Bytes), Nullable: row[7].Int != 0, Comment: string(row[8].Bytes),
	})
	k.schema.Tables = tables
	k.columns++
	return nil
}

var _ source.Describer = (*Source)(nil)
