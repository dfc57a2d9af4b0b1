package postgres

import (
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/source"
)

// runsAlone reports whether a statement needs nothing before or behind it.
func (s *Source) runsAlone(p *plan) bool {
	return !p.acts && s.settings == "" && !s.config.NoStatementCache
}

// deliver pushes the rows that the database answers with.
func (c *conn) deliver(rows *pgconn.ResultReader, p *plan, sink source.Sink) (delivered bool, err error) {
	more := rows.NextRow()
	if !more {
		if _, err := rows.Close(); err != nil {
			return false, err
		}
		return true, mark(sink.Columns(p.columns))
	}
	if err := c.push(rows, p, sink); err != nil {
		c.interrupt(err) // inside the database too: what is left would have to be read otherwise
		_, _ = rows.Close()
		return true, err
	}
	_, err = rows.Close()
	return true, err
}

// push hands the columns, the row that was read and all that follow to the sink. Nothing is allocated per row.
func (c *conn) push(rows *pgconn.ResultReader, p *plan, sink source.Sink) error {
	if err := mark(sink.Columns(p.columns)); err != nil {
		return err
	}
	r := p.readers.Get().(*reader)
	defer p.release(r)
	for more := true; more; more = rows.NextRow() { // the driver's: the first row, huge ones, and the end
		if err := r.read(p, rows.Values()); err != nil {
			return err
		}
		if err := mark(sink.Row(r.values)); err != nil {
			return err
		}
		for row, ok := c.wire.row(); ok; row, ok = c.wire.row() {
			if err := r.readMessage(p, row); err != nil {
				return err
			}
			if err := mark(sink.Row(r.values)); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives a reader back, without what it points to, and without buffers that one huge cell made grow.
func (p *plan) release(r *reader) {
	clear(r.values)
	for i := range r.cells {
		if cap(r.cells[i].text)+cap(r.cells[i].element) > readBuffer {
			r.cells[i].text, r.cells[i].element = nil, nil
		}
	}
	p.readers.Put(r)
}

func mark(err error) error {
	if err == nil {
		return nil
	}
	return sinkError{err}
}
