package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/statement"
	"github.com/solucao42/caddy-data-api/source"
)

// suspects are the names by which a statement can reach a function that acts, or that could change the claims: see [reached]. A
// statement that has none of them reaches none. It is immutable.
type suspects struct {
	learnt    time.Time       // before the database was asked
	names     map[string]bool // of functions, of views, and of types that others are cast to
	operators []string
	implicit  bool // there is a cast of somebody's own that needs no name
}

// suspectQuery lists them, with their kinds: n is a name, o an operator, i a cast that needs no name.
const suspectQuery = `SELECT 'n', p.proname::text FROM pg_catalog.pg_proc AS p
	WHERE p.oid >= ` + firstUserOID + ` OR p.provolatile = 'v' AND p.proname <> ALL ($1::pg_catalog.name[])
UNION SELECT 'n', p.proname::text FROM pg_catalog.pg_aggregate AS a JOIN pg_catalog.pg_proc AS p ON p.oid = a.aggfnoid
	JOIN pg_catalog.pg_proc AS part ON part.oid IN (a.aggtransfn, a.aggfinalfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
	WHERE part.oid >= ` + firstUserOID + ` OR part.provolatile = 'v' AND part.proname <> ALL ($1)
UNION SELECT 'n', c.relname::text FROM pg_catalog.pg_class AS c WHERE c.relkind = 'v' AND c.oid >= ` + firstUserOID + `
UNION SELECT 'o', o.oprname::text FROM pg_catalog.pg_operator AS o WHERE o.oid >= ` + firstUserOID + `
UNION SELECT CASE c.castcontext WHEN 'i' THEN 'i' ELSE 'n' END, t.typname::text
	FROM pg_catalog.pg_cast AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.casttarget WHERE c.oid >= ` + firstUserOID

// learnSuspects asks for them, in a transaction.
func (s *Source) learnSuspects(ctx context.Context, c *conn, began time.Time) error {
	answer := c.pg.ExecParams(ctx, suspectQuery, [][]byte{[]byte(statement.QuietFunctions)}, nil, nil, nil).Read()
	if answer.Err != nil {
		return answer.Err
	}
	learnt := &suspects{learnt: began, names: make(map[string]bool)}
	for _, row := range answer.Rows {
		switch name := string(row[1]); string(row[0]) {
		case "o":
			learnt.operators = append(learnt.operators, name)
		case "i":
			learnt.implicit = true
		default:
			learnt.names[name] = true
		}
	}
	s.suspects.Store(learnt)
	return nil
}

// longestName is that of a name in PostgreSQL, in bytes; it cuts longer ones.
const longestName = 63

// mayReach reports whether a statement may reach any of them. Not: it certainly reaches none.
func (k *suspects) mayReach(q *query, names statement.Names) bool {
	if k.implicit || names.More {
		return true
	}
	for _, name := range slices.Concat(names.All, names.Calls) {
		if k.names[name] || len(name) > longestName {
			return true
		}
	}
	for _, operator := range k.operators {
		if strings.Contains(q.statement.SQL, operator) {
			return true
		}
	}
	return false
}

// reachesNone reports whether a statement certainly reaches no function that acts, by what was learnt of the schema
// lately enough for this check.
func (q *query) reachesNone(ctx context.Context, names statement.Names) bool {
	known := q.source.suspects.Load()
	since, ok := source.VersionSince(ctx)
	return ok && known != nil && known.learnt.After(since) && !known.mayReach(q, names)
}
