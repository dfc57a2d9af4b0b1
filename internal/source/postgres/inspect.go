package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// inspection asks about the server and about every role that a statement could run as: $1, the role that runs them or
// nothing, and those of the connection.
const inspection = `WITH running AS (
	SELECT r.* FROM pg_catalog.pg_roles AS r WHERE r.rolname = COALESCE(NULLIF($1, ''), current_user)
), subject AS (
	SELECT r.* FROM pg_catalog.pg_roles AS r WHERE r.rolname IN (current_user, session_user, $1)
) SELECT
	pg_catalog.current_setting('server_version_num')::int >= 140000,
	pg_catalog.getdatabaseencoding() <> 'SQL_ASCII',
	NOT EXISTS (SELECT FROM subject AS s
		WHERE s.rolsuper OR s.rolreplication OR s.rolcreaterole OR EXISTS (SELECT FROM pg_catalog.pg_roles AS g
			WHERE g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_signal_backend')
			AND pg_catalog.pg_has_role(s.oid, g.oid, 'MEMBER'))),
	EXISTS (SELECT FROM running),
	NOT EXISTS (SELECT FROM subject AS s WHERE s.rolbypassrls),
	COALESCE((SELECT pg_catalog.has_function_privilege(r.oid, ` + setConfig + `, 'EXECUTE') FROM running AS r), false),
	pg_catalog.has_function_privilege(current_user, ` + setConfig + `, 'EXECUTE'),
	COALESCE((SELECT pg_catalog.string_agg(t.oid::pg_catalog.regclass::text, ', ' ORDER BY t.oid)
		FROM running AS r, pg_catalog.pg_class AS t WHERE t.relrowsecurity AND NOT t.relforcerowsecurity
		AND pg_catalog.pg_has_role(r.oid, t.relowner, 'USAGE')), ''),
	pg_catalog.quote_ident(current_user),
	COALESCE((SELECT pg_catalog.quote_ident(r.rolname) FROM running AS r), ''),
	COALESCE((SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::text, ', ' ORDER BY p.oid)
		FROM running AS r, pg_catalog.pg_proc AS p WHERE p.proname = 'xpath_table'
		AND pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE')), ''),
	(SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path')`

const setConfig = `'pg_catalog.set_config(text, text, boolean)'`

// inspect refuses a server or role that would not be safe to run on.
func (s *Source) inspect(ctx context.Context, c *conn) error {
	answer := c.pg.ExecParams(ctx, inspection, [][]byte{[]byte(s.config.Role)}, nil, nil, nil).Read()
	if answer.Err != nil {
		return fmt.Errorf("inspecting PostgreSQL: %w", answer.Err)
	}
	if len(answer.Rows) != 1 || len(answer.Rows[0]) != 12 {
		return errors.New("inspecting PostgreSQL: the server gave no answer")
	}
	text := func(i int) string { return string(answer.Rows[0][i]) }
	holds := func(i int) bool { return text(i) == "t" }
	switch {
	case !holds(0):
		return refuse("PostgreSQL %s is too old: 14 or later is needed", c.pg.ParameterStatus("server_version"))
	case !holds(1):
		return refuse("the database's encoding is SQL_ASCII, whose texts cannot be sent as UTF-8: use a database with a real encoding")
	case !holds(2) && !s.config.AllowSuperuser:
		return refuse("the source's role is a superuser, or may replicate, make roles, signal other sessions, or read files or run programs " +
			"on the database server: use a role with nothing but SELECT on what the endpoints read, or set allow_superuser to accept the risk")
	case !holds(3):
		return refuse("there is no role %q, which the source is to run its statements as", s.config.Role)
	}
	if s.config.Claims {
		if err := s.inspectClaims(holds, text); err != nil {
			return err
		}
	}
	c.searchPath = text(11)
	return s.inspectSession(ctx, c)
}

// inspectClaims refuses roles on which row-level security would not hold.
func (s *Source) inspectClaims(holds func(int) bool, text func(int) string) error {
	login, running := text(8), text(9)
	switch {
	case !holds(4):
		return refuse("with claims on, neither the role of the connection nor that of the statements may have BYPASSRLS: " +
			"row-level security would not hold; run ALTER ROLE ... NOBYPASSRLS, or use another role")
	case !holds(6):
		return refuse("with claims on, the role of the connection sets them, and must be allowed to: "+
			"run GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO %s", login)
	case text(7) != "":
		return refuse("with claims on, role %s must not own tables with row-level security (%s), because it does not hold for their owner: "+
			"give them to another role, or run ALTER TABLE ... FORCE ROW LEVEL SECURITY", running, shorten(text(7)))
	case s.config.AllowSetConfig:
		return nil
	case text(10) != "":
		return refuse("with claims on, role %s must not be able to execute %s, which runs any SQL: run REVOKE EXECUTE ON FUNCTION %[2]s FROM PUBLIC, "+
			"or set allow_set_config to trust every author of an endpoint file", running, text(10))
	case holds(5):
		return refuse("with claims on, role %s must not be able to execute set_config, with which a statement could claim to be somebody else: "+
			"run, in this database and as a superuser, REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC, %[1]s; "+
			"GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO %[2]s; "+
			"or set allow_set_config to trust every author of an endpoint file", running, login)
	}
	return nil
}

func shorten(list string) string {
	const most = 200
	return dataapi.Shorten(list, most)
}

// inspectSession makes sure that statements will run as they should: read-only, and as the role.
func (s *Source) inspectSession(ctx context.Context, c *conn) error {
	const ask = "SELECT pg_catalog.current_setting('transaction_read_only'), current_user"
	return c.transaction(ctx, func() error {
		answer := c.pg.ExecParams(ctx, ask, nil, nil, nil, nil).Read()
		switch {
		case answer.Err != nil:
			return fmt.Errorf("inspecting PostgreSQL: %w", answer.Err)
		case len(answer.Rows) != 1 || len(answer.Rows[0]) != 2:
			return errors.New("inspecting PostgreSQL: the server gave no answer")
		case string(answer.Rows[0][0]) != "on":
			return refuse("the transaction is not read-only")
		case s.config.Role != "" && string(answer.Rows[0][1]) != s.config.Role:
			return refuse("statements would not run as role %q", s.config.Role)
		case s.config.NoStatementCache:
			return nil
		case c.pg.ParameterStatus("default_transaction_read_only") != "on":
			return refuse("the session is not read-only: a proxy between Caddy and PostgreSQL drops start-up parameters; " +
				"set statement_cache off for a proxy such as PgBouncer")
		}
		return nil
	})
}
