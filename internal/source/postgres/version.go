package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/source"
)

// versioned are the system catalogs that judging a statement looks at, with what tells their rows apart. A row that is written
// again has another xmin, which no later transaction has again, and freezing keeps. Temporary tables of other sessions are left out, as far as
// they can be; that a row of pg_class is written again says nothing, since VACUUM, TRUNCATE and REFRESH do that too.
var versioned = []string{
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(temp|toast)'",
	`SELECT ROW(oid, relname, relnamespace, reltype, relowner, relkind, relacl, relrowsecurity, relforcerowsecurity, relispartition, reloptions)
		FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') AND relnamespace NOT IN (SELECT oid FROM passing)`,
	`SELECT ROW(a.attrelid, a.attnum, a.xmin) FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relnamespace NOT IN (SELECT oid FROM passing)`,
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_proc WHERE pronamespace NOT IN (SELECT oid FROM passing)",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_type WHERE typnamespace NOT IN (SELECT oid FROM passing)",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_constraint WHERE connamespace NOT IN (SELECT oid FROM passing)",
	`SELECT ROW(r.oid, r.xmin) FROM pg_catalog.pg_rewrite AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
		WHERE c.relnamespace NOT IN (SELECT oid FROM passing)`,
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_enum",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_operator",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_cast",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_collation",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_opclass",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_amop",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_amproc",
	"SELECT ROW(aggfnoid::oid, xmin) FROM pg_catalog.pg_aggregate",
	"SELECT ROW(rngtypid, xmin) FROM pg_catalog.pg_range",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_ts_config",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_policy",
	"SELECT ROW(oid, xmin) FROM pg_catalog.pg_language",
	"SELECT ROW(roleid, member, xmin) FROM pg_catalog.pg_auth_members",
	"SELECT ROW(setdatabase, setrole, xmin) FROM pg_catalog.pg_db_role_setting",
	"SELECT ROW(oid, rolname, rolsuper, rolinherit, rolbypassrls) FROM pg_catalog.pg_roles",
	`SELECT ROW(name, reset_val) FROM pg_catalog.pg_settings
		WHERE context IN ('user', 'superuser') AND source NOT IN ('client', 'override', 'session', 'interactive')`,
}

// versionQuery adds up hashes of all these rows: their order does not matter. The cluster and its timeline come before them: another
// cluster can have rows with the same numbers.
var versionQuery = func() string {
	parts := make([]string, len(versioned))
	for i, rows := range versioned {
		name := fmt.Sprintf("part_%d", i)
		parts[i] = fmt.Sprintf("(SELECT pg_catalog.count(*)::text || ':' || "+
			"coalesce(pg_catalog.sum(pg_catalog.hashtextextended(%s.one::text, 42)), 0) FROM (%s) AS %[1]s(one))", name, rows)
	}
	return "WITH passing AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(temp|toast)')\n" +
		"SELECT pg_catalog.concat_ws(' ', (SELECT system_identifier FROM pg_catalog.pg_control_system()), " +
		"(SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()),\n" +
		"pg_catalog.current_setting('server_version_num'), " +
		"(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), session_user, current_user,\n" +
		"pg_catalog.current_schemas(true), " + strings.Join(parts, ",\n") + ")"
}()

// Version implements [source.Versioned] with one statement, which takes some milliseconds, and more with very many tables. A proxy that
// gives each transaction another session can have several databases behind it, and tells nothing.
func (s *Source) Version(ctx context.Context) (version string, err error) {
	if s.config.NoStatementCache {
		return "", errors.ErrUnsupported
	}
	a := s.attempts(ctx)
	defer a.end()
	for c := a.next(); c != nil; c = a.next() {
		began := time.Now()
		a.done(false, c.transaction(a.running, func() error {
			answer := c.pg.ExecParams(a.running, versionQuery, nil, nil, nil, nil).Read()
			if answer.Err == nil && len(answer.Rows) == 1 && len(answer.Rows[0]) == 1 {
				version = string(answer.Rows[0][0])
			}
			if answer.Err != nil {
				return answer.Err
			}
			return s.learnSuspects(a.running, c, began)
		}))
	}
	if refused, ok := errors.AsType[*pgconn.PgError](a.err); ok && !excuses(refused) {
		return "", fmt.Errorf("%w: %w", errors.ErrUnsupported, a.err) // a server that is not quite PostgreSQL
	}
	if a.err != nil {
		return "", a.err
	}
	c := &s.config
	return fmt.Sprintf("%s %q %t %t %t", version, c.Role, c.Claims, c.AllowSetConfig, c.AllowSuperuser), nil
}

var _ source.Versioned = (*Source)(nil)
