package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/source"
)

// judgeAtOnce has the database judge the statement and describe its result in one round trip. It returns nothing when the database
// finds fault with anything: which fault, asking step by step tells.
func (q *query) judgeAtOnce(ctx context.Context, c *conn) (*pgconn.StatementDescription, error) {
	if err := c.prepareControls(ctx); err != nil {
		return nil, err
	}
	text := q.text()
	pipeline := c.pg.StartPipeline(ctx)
	before := 1
	c.send(pipeline, begin, nil)
	if c.source.settings != "" {
		c.send(pipeline, c.source.settings, c.settingsValues(source.Claims{}))
		before++
	}
	pipeline.SendPrepare("", declare+text.SQL, q.paramOIDs)
	pipeline.SendQueryPrepared("", make([][]byte, len(q.paramOIDs)), nil, nil)
	pipeline.SendPrepare("", text.Bare, q.paramOIDs)
	c.send(pipeline, rollback, nil)
	if err := pipeline.Sync(); err != nil {
		return nil, errors.Join(err, pipeline.Close())
	}
	described, err := readDescription(pipeline, before+2)
	err = errors.Join(err, pipeline.Close())
	if err == nil {
		return described, nil
	}
	answer, answered := errors.AsType[*pgconn.PgError](err)
	if answered {
		c.cleanUp()
	}
	if !answered || excuses(answer) {
		return nil, err
	}
	return nil, nil //nolint:nilnil // as documented
}

// readDescription reads the answers to what was sent, of which the description comes after so many others.
func readDescription(pipeline *pgconn.Pipeline, others int) (described *pgconn.StatementDescription, err error) {
	for i := 0; i <= others+1; i++ { // the last one is the end of the transaction
		results, err := pipeline.GetResults()
		if err != nil {
			return nil, err
		}
		switch results := results.(type) {
		case *pgconn.ResultReader:
			if _, err := results.Close(); err != nil {
				return nil, err
			}
		case *pgconn.StatementDescription:
			described = results // of the cursor first
		}
	}
	return described, nil
}
