package postgres

import (
	"context"
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/statement"
	"github.com/solucao42/caddy-data-api/source"
)

// A statement runs more functions than it calls by name: those behind operators, casts and aggregates, of the views that
// it reads and of the views in these, and, of a row, x.f for f(x). The database's catalog tells which.

const (
	// firstUserOID is that of the first function that is not PostgreSQL's own.
	firstUserOID = "16384"

	// reached lists the functions that a statement may run, and whether it calls them by name. $1 are all names in it, $2
	// those of calls, $3 its text, and $4 is whether it has names that are in neither list.
	reached = `WITH RECURSIVE view(oid) AS (
		SELECT c.oid FROM pg_catalog.pg_class AS c
		WHERE c.relkind = 'v' AND c.oid >= ` + firstUserOID + ` AND ($4::bool OR c.relname = ANY ($1::pg_catalog.name[]))
	UNION
		SELECT c.oid FROM view AS v JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = v.oid,
			pg_catalog.regexp_matches(r.ev_action::text, ':relid (\d+)', 'g') AS m
			JOIN pg_catalog.pg_class AS c ON c.oid = m[1]::oid AND c.relkind = 'v'
	), found(oid, named) AS (
		SELECT p.oid, true FROM pg_catalog.pg_proc AS p
		WHERE p.proname = ANY ($2::pg_catalog.name[]) OR $4 AND pg_catalog.strpos(p.proname::text, '"') > 0
	UNION ALL
		SELECT p.oid, true FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_type AS t ON t.oid = p.proargtypes[0]
		WHERE p.proname = ANY ($1) AND p.pronargs - p.pronargdefaults <= 1 AND t.typtype IN ('c', 'd', 'p')
	UNION ALL
		SELECT o.oprcode::oid, false FROM pg_catalog.pg_operator AS o
		WHERE o.oid >= ` + firstUserOID + ` AND pg_catalog.strpos($3::text, o.oprname::text) > 0
	UNION ALL
		SELECT c.castfunc, false FROM pg_catalog.pg_cast AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.casttarget
		WHERE c.oid >= ` + firstUserOID + ` AND (c.castcontext = 'i' OR $4 OR t.typname = ANY ($1))
	UNION ALL
		SELECT m[1]::oid, false FROM view AS v JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = v.oid,
			pg_catalog.regexp_matches(r.ev_action::text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') AS m
	), reached AS (
		SELECT oid, named FROM found
	UNION ALL
		SELECT part::oid, false FROM found AS f JOIN pg_catalog.pg_aggregate AS a ON a.aggfnoid = f.oid,
			pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]) AS part
	) `

	// native is the code of PostgreSQL and of its extensions, which nobody but a superuser can make.
	native = `l.lanname IN ('c', 'internal')`

	restless = reached + `SELECT EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.proname = ANY ($1)
			AND (p.oid >= ` + firstUserOID + ` OR p.provolatile = 'v' AND p.proname <> ALL ($5::pg_catalog.name[])))
		OR EXISTS (SELECT FROM reached AS f JOIN pg_catalog.pg_proc AS p ON p.oid = f.oid
			JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
			WHERE NOT ` + native + ` AND p.oid >= ` + firstUserOID + `
			OR p.provolatile = 'v' AND p.proname <> ALL ($5::pg_catalog.name[]))`

	forgers = reached + `SELECT p.proname, f.named FROM reached AS f JOIN pg_catalog.pg_proc AS p ON p.oid = f.oid
		JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
		WHERE p.oid >= ` + firstUserOID + ` AND p.prokind <> 'a'
		AND (p.proconfig::text ~* '(^|[{,"])(data_api[.]|role=|session_authorization=)'
			OR CASE WHEN l.lanname IN ('plpgsql', 'sql') THEN p.prosrc ~* '\m(execute|set_config|set|reset|discard)\M'
			OR p.prosqlbody IS NOT NULL AND p.prosqlbody::text ~ ':funcid 2078 ' ELSE NOT ` + native + ` END)
		ORDER BY f.named DESC, p.proname LIMIT 1`
)

// reach are the arguments of reached.
func (q *query) reach(names statement.Names) [][]byte {
	more := "f"
	if names.More {
		more = "t"
	}
	return [][]byte{statement.NameArray(names.All), statement.NameArray(names.Calls), []byte(q.statement.SQL), []byte(more)}
}

// mayAct reports whether a statement may run a function that acts on its session: one that it names and that is not
// PostgreSQL's own, or a volatile one. Such a statement runs in a transaction that is rolled back.
func (q *query) mayAct(ctx context.Context, c *conn, names statement.Names) (bool, error) {
	answer := c.pg.ExecParams(ctx, restless, append(q.reach(names), []byte(statement.QuietFunctions)), nil, nil, nil).Read()
	if answer.Err != nil || len(answer.Rows) != 1 {
		return true, answer.Err
	}
	return names.More || string(answer.Rows[0][0]) == "t", nil
}

// refuseForgers refuses functions of the database that, by what their source says, could change the claims.
func (q *query) refuseForgers(ctx context.Context, c *conn, names statement.Names) error {
	answer := c.pg.ExecParams(ctx, forgers, q.reach(names), nil, nil, nil).Read()
	if answer.Err != nil || len(answer.Rows) == 0 {
		return answer.Err
	}
	way := ""
	if string(answer.Rows[0][1]) != "t" {
		way = ", by way of a view, operator, cast or aggregate"
	}
	return &source.StatementError{Offset: -1, Message: fmt.Sprintf("function %s runs SQL from text, changes settings, or is in a language "+
		"that cannot be judged: on a source with claims it could change who asks, so an endpoint must not call it%s", answer.Rows[0][0], way)}
}
