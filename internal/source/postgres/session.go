package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/connstring"
	"github.com/solucao42/caddy-data-api/source"
)

// Statements run in one of three ways, each of them one round trip:
//
//   - alone, when nothing about the session is to be set, and the statement calls nothing that could act on it;
//   - behind the statement that sets role and claims, both under one Sync and so in one implicit transaction, with whose
//     end they are gone;
//   - inside BEGIN READ ONLY and ROLLBACK, which undoes what functions of the database may have set, and then without
//     the advisory locks that they may have taken; always so behind a proxy, where everything must be set each time.
//
// An error makes the server skip what follows it up to the Sync: no statement runs when its claims could not be set.

// The statements around an endpoint's own.
const (
	begin    = "BEGIN READ ONLY"
	rollback = "ROLLBACK"
	unlock   = "SELECT pg_catalog.pg_advisory_unlock_all()"
)

// trackedSettings are those of the start-up packet that every proxy passes on.
var trackedSettings = []string{"TimeZone", "DateStyle", "standard_conforming_strings"}

// settingsStatement sets for one transaction what the source needs set, with bound values: see settingsValues.
// It is empty when there is nothing to set.
func settingsStatement(config Config) string {
	var list []string
	parameter := 0
	set := func(names ...string) {
		for _, name := range names {
			parameter++
			list = append(list, fmt.Sprintf("pg_catalog.set_config('%s', $%d, true)", name, parameter))
		}
	}
	if config.NoStatementCache {
		set(slices.Sorted(maps.Keys(connstring.SessionSettings))...)
		// Others who use the same proxy may have left these changed.
		set("statement_timeout", "search_path", "row_security")
	}
	if config.Claims {
		set("data_api.company", "data_api.user", "data_api.share_context")
	}
	if config.Role != "" && (config.Claims || config.NoStatementCache) {
		set("role") // the last one: the new role must not be able to set anything
	}
	if list == nil {
		return ""
	}
	return "SELECT " + strings.Join(list, ", ")
}

// settingsValues are the arguments of settingsStatement.
func (c *conn) settingsValues(claims source.Claims) [][]byte {
	config := &c.source.config
	values := c.settings[:0]
	if config.NoStatementCache {
		for _, name := range slices.Sorted(maps.Keys(connstring.SessionSettings)) {
			values = append(values, []byte(connstring.SessionSettings[name]))
		}
		values = append(values, strconv.AppendInt(nil, c.backstop.Milliseconds(), 10), []byte(c.searchPath), []byte("on"))
	}
	if config.Claims {
		context := claims.ShareContext
		if len(context) == 0 {
			context = []byte("{}")
		}
		values = append(values, []byte(claims.Company), []byte(claims.User), context)
	}
	if config.Role != "" && (config.Claims || config.NoStatementCache) {
		values = append(values, []byte(config.Role))
	}
	c.settings = values
	return values
}

// transaction does work in a read-only transaction with the source's role, for nobody's claims, and rolls it back.
func (c *conn) transaction(ctx context.Context, work func() error) (err error) {
	if _, err := c.pg.Exec(ctx, begin).ReadAll(); err != nil {
		return err
	}
	defer func() {
		_, ending := c.pg.Exec(ctx, rollback).ReadAll()
		if err == nil {
			err = ending
		}
	}()
	if c.source.settings != "" {
		values := c.settingsValues(source.Claims{})
		if answer := c.pg.ExecParams(ctx, c.source.settings, values, nil, nil, nil).Read(); answer.Err != nil {
			return answer.Err
		}
	}
	return work()
}

// controls are the statements around an endpoint's own, prepared on a connection. They have one field each, which is not
// read, because the driver asks for the fields of a statement that has none.
type controls struct {
	begin, settings, rollback, unlock *pgconn.StatementDescription
	complete                          bool
}

// prepareControls prepares them once for each connection.
func (c *conn) prepareControls(ctx context.Context) error {
	if c.controls.complete || c.source.config.NoStatementCache {
		return nil
	}
	made := &c.controls
	for _, one := range []struct {
		name, sql string
		to        **pgconn.StatementDescription
	}{
		{"data_api_begin", begin, &made.begin}, {"data_api_settings", c.source.settings, &made.settings},
		{"data_api_rollback", rollback, &made.rollback}, {"data_api_unlock", unlock, &made.unlock},
	} {
		if one.sql == "" || *one.to != nil {
			continue
		}
		if _, err := c.keep(ctx, one.name, one.sql, nil); err != nil {
			return err
		}
		*one.to = &pgconn.StatementDescription{Name: one.name, Fields: make([]pgconn.FieldDescription, 1)}
	}
	made.complete = true
	return nil
}

// runWithin executes a statement together with what must run before and behind it, in one round trip.
func (c *conn) runWithin(
	ctx context.Context, p *plan, description *pgconn.StatementDescription, args [][]byte, claims source.Claims, sink source.Sink,
) (delivered bool, err error) {
	if err := c.prepareControls(ctx); err != nil {
		return false, err
	}
	values := c.settingsValues(claims)
	explicit := p.acts || description == nil
	if !explicit {
		return c.runBehindSettings(ctx, p, description, args, values, sink)
	}
	pipeline := c.pg.StartPipeline(ctx)
	before, after := 0, 0
	c.send(pipeline, begin, nil)
	before++
	if c.source.settings != "" {
		c.send(pipeline, c.source.settings, values)
		before++
	}
	if description != nil {
		pipeline.SendQueryStatement(description, args, nil, p.formats)
	} else {
		pipeline.SendQueryParams(p.sql, args, p.paramOIDs, nil, p.formats)
	}
	c.send(pipeline, rollback, nil)
	after++
	if p.acts {
		c.send(pipeline, unlock, nil)
		after++
	}
	if err := pipeline.Sync(); err != nil {
		return false, errors.Join(err, pipeline.Close())
	}
	delivered, err = c.receive(pipeline, before, p, description == nil, sink)
	for ; err == nil && after > 0; after-- {
		_, err = pipeline.GetResults()
	}
	ending := pipeline.Close()
	if err == nil {
		return delivered, ending
	}
	c.cleanUp()
	return delivered, err
}

// runBehindSettings executes a statement in the implicit transaction of the settings that come before it. The settings are
// asked for one row, of one, so that the server does not call them complete: to the driver their row and those of the
// statement are one result, which it reads without the bookkeeping of a pipeline.
func (c *conn) runBehindSettings(
	ctx context.Context, p *plan, description *pgconn.StatementDescription, args, values [][]byte, sink source.Sink,
) (delivered bool, err error) {
	c.pg.Frontend().SendBind(&pgproto3.Bind{PreparedStatement: c.controls.settings.Name, Parameters: values})
	c.pg.Frontend().SendExecute(&pgproto3.Execute{MaxRows: 1})
	rows := c.pg.ExecStatement(ctx, description, args, nil, p.formats)
	if rows.NextRow() && slices.EqualFunc(rows.Values(), values, bytes.Equal) {
		return c.deliver(rows, p, sink)
	}
	c.given = false // it was not the statement that failed
	_, err = rows.Close()
	if _, answered := errors.AsType[*pgconn.PgError](err); !answered {
		c.tainted = true // the settings may not have been sent yet, and must not meet the next statement
	}
	if err == nil {
		err = errors.New("the database did not set the claims")
	}
	return false, err
}

// send adds one of the controls to a pipeline.
func (c *conn) send(pipeline *pgconn.Pipeline, sql string, values [][]byte) {
	if c.source.config.NoStatementCache {
		pipeline.SendQueryParams(sql, values, nil, nil, nil)
		return
	}
	statement := c.controls.settings
	switch sql {
	case begin:
		statement = c.controls.begin
	case rollback:
		statement = c.controls.rollback
	case unlock:
		statement = c.controls.unlock
	}
	pipeline.SendQueryStatement(statement, values, nil, nil)
}

// receive reads the answers to what was sent before the statement, and pushes the statement's rows.
func (c *conn) receive(pipeline *pgconn.Pipeline, before int, p *plan, described bool, sink source.Sink) (delivered bool, err error) {
	for range before {
		if _, err := pipeline.GetResults(); err != nil {
			c.given = false // it was not the statement that failed
			return false, err
		}
	}
	answer, err := pipeline.GetResults()
	if err != nil {
		return false, err
	}
	rows, ok := answer.(*pgconn.ResultReader)
	switch {
	case !ok:
		return false, errors.New("the database did not answer a statement with rows")
	case described && !p.fits(rows.FieldDescriptions()):
		return false, errMisfit
	}
	return c.deliver(rows, p, sink)
}

// cleanUp ends a transaction that failed, and gives back locks. A connection on which that fails is not used again.
func (c *conn) cleanUp() {
	if c.pg.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerGrace)
	defer cancel()
	if _, err := c.pg.Exec(ctx, rollback+"; "+unlock).ReadAll(); err != nil {
		c.tainted = true
	}
}

// backstopFor rounds the time that ctx leaves up to a power of two seconds, so that it seldom changes and is never
// the shorter one. It is 0, for no limit, when ctx has no deadline.
func backstopFor(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	const longest = 1 << 21 * time.Second // PostgreSQL's limit is 2^31 ms
	left := time.Until(deadline) + time.Second
	backstop := minBackstop
	for backstop < left && backstop < longest {
		backstop *= 2
	}
	return backstop
}
