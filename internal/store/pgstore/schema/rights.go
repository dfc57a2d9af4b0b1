package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// checkRights refuses a role that cannot do with the schema what the store does. One that may only read it could begin to serve, and
// then write nothing; one that does not own the tables could not make and drop their partitions, which shows days later. Where there is no
// schema the role makes it.
func checkRights(ctx context.Context, db *pgdb.DB) error {
	var role, owner string
	var uses bool
	var table, tableOwner *string // one that is another's; nil: there is none
	err := db.Pool.QueryRow(ctx, `SELECT quote_ident(current_user), quote_ident(pg_get_userbyid(n.nspowner)),
			has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), c.relname, quote_ident(pg_get_userbyid(c.relowner))
		FROM pg_namespace AS n LEFT JOIN pg_class AS c
			ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
		WHERE n.nspname = $1 ORDER BY c.relname LIMIT 1`, db.Schema).Scan(&role, &owner, &uses, &table, &tableOwner)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", pgdb.ErrUnavailable, err)
	case !uses:
		return fmt.Errorf("the role %[1]s may not use the schema %[2]s and make tables in it: connect as its owner %[3]s, "+
			"or run ALTER SCHEMA %[2]s OWNER TO %[1]s",
			role, db.Schema, owner)
	case table != nil:
		return fmt.Errorf("the role %[1]s does not own what is in the schema %[2]s, such as the table %[3]s: connect as the owner %[4]s, "+
			"or run GRANT %[4]s TO %[1]s",
			role, db.Schema, *table, *tableOwner)
	}
	return nil
}
