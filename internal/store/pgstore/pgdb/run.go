package pgdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
)

// Errors of the store as a whole, to be tested with errors.Is.
var (
	// ErrClosed says that the store has been closed; nothing was written.
	ErrClosed = errors.New("the store is closed")

	// ErrUnavailable says that the database could not be reached, or has refused what was asked; nothing was written.
	ErrUnavailable = errors.New("the store is unavailable, and nothing was written")

	// ErrUnknown says that the database did not say whether it has written. The caller must not report success, must not
	// report that it did not happen, and must be able to repeat the write.
	ErrUnknown = errors.New("the store failed while writing: whether it was written is unknown")
)

const (
	// writeTimeout bounds a write once it has begun. Its caller's context does not end it: then its outcome would be
	// unknown, although the database may be well.
	writeTimeout = 10 * time.Second

	// readTimeout bounds a read: a network that drops what is sent says nothing, and a caller without a deadline, such as
	// the loop that claims jobs, would wait for as long as the kernel tries again, which is a quarter of an hour.
	readTimeout = 10 * time.Second

	// begin opens a transaction whose locks the database gives up when nothing comes for as long as a server waits for a
	// write: one that was stopped or cut off in the middle would else keep the others from its jobs for as long as it lives.
	begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'"

	// acquireTimeout bounds how long a connection is waited for, and awayTimeout while the database is known to be away.
	acquireTimeout = 5 * time.Second
	awayTimeout    = time.Second

	// attempts is how often a transaction is tried when the database ends it for a serialization failure or a deadlock.
	attempts = 10
)

// Querier is a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// acquire returns a connection, or ctx's error.
func (d *DB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	timeout := acquireTimeout
	if d.Away != nil && d.Away() {
		timeout = awayTimeout
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := d.Pool.Acquire(waiting)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, puddle.ErrClosedPool):
		return nil, ErrClosed
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Read runs a function that reads, on one connection, for no longer than readTimeout.
func (d *DB) Read(ctx context.Context, read func(ctx context.Context, q Querier) error) error {
	conn, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	reading, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err = read(reading, conn)
	switch own := refused(err); {
	case err == nil || own != nil:
		return own
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Write runs a function in a transaction and returns once that is on disk. An error of the function undoes what it has
// written. It may be called more than once, of which the last call counts, and must set all that it captures again. When ctx
// ends before the transaction has begun, Write returns ctx's error; later its end changes nothing.
func (d *DB) Write(ctx context.Context, write func(ctx context.Context, tx pgx.Tx) error) error {
	return d.running(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if err := write(ctx, tx); err != nil {
			_ = tx.Rollback(ctx) // else the connection is broken, and the database undoes it
			if own := refused(err); own != nil {
				return own
			}
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return committed(tx.Commit(ctx))
	})
}

// Change runs one statement that writes, a transaction of its own, and returns how many rows it has written or selected.
func (d *DB) Change(ctx context.Context, statement string, args ...any) (rows int, err error) {
	err = d.running(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		tag, err := conn.Exec(ctx, d.SQL(statement), args...)
		rows = int(tag.RowsAffected())
		return committed(err)
	})
	return rows, err
}

// ChangeAndScan runs one statement that writes, a transaction of its own, and scans the row that it returns.
func (d *DB) ChangeAndScan(ctx context.Context, statement string, args []any, into ...any) error {
	return d.running(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return committed(conn.QueryRow(ctx, d.SQL(statement), args...).Scan(into...))
	})
}

// ChangeAndCollect runs one statement that writes, a transaction of its own, and hands over its rows. collect may be
// called more than once, of which the last call counts, and must set all that it captures again.
func (d *DB) ChangeAndCollect(ctx context.Context, statement string, args []any, collect func(pgx.Rows) error) error {
	return d.running(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, d.SQL(statement), args...)
		if err != nil {
			return committed(err)
		}
		return committed(collect(rows))
	})
}

// running runs a write on a connection, again if the database has undone it for another's sake.
func (d *DB) running(ctx context.Context, write func(ctx context.Context, conn *pgxpool.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		conn, err := d.acquire(ctx)
		if err != nil {
			return err
		}
		err = func() error {
			defer conn.Release()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
			defer cancel()
			return watched(conn.Conn().PgConn(), func() error { return write(ctx, conn) })
		}()
		if attempt == attempts || !undone(err) {
			return err
		}
	}
}

// warning is what a connection remembers of the last warning.
const warning = "data_api warning"

// onNotice is told what the database says beside its answers.
func onNotice(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.SeverityUnlocalized == "WARNING" && notice.Code == "01000" {
		conn.CustomData()[warning] = notice
	}
}

// watched runs a write, and does not take it for done when the database has warned: a commit that waits for a standby and is
// told to wait no longer succeeds so, and can be lost with its server.
func watched(conn *pgconn.PgConn, write func() error) error {
	delete(conn.CustomData(), warning)
	if err := write(); err != nil {
		return err
	}
	if notice, warned := conn.CustomData()[warning].(*pgconn.Notice); warned {
		return fmt.Errorf("%w: the database warned: %s", ErrUnknown, notice.Message)
	}
	return nil
}

// Confirmed writes an empty message to the WAL; when that is committed, all earlier commits are durable, too.
const Confirmed = `SELECT pg_logical_emit_message(true, 'data_api', '')`

// Confirm is for a write that finds that it was done already. The earlier one may have had an unknown outcome: broken off
// while it waited for a standby, what it has written can be seen, and be lost still.
func (d *DB) Confirm(ctx context.Context) error {
	_, err := d.Change(ctx, Confirmed)
	return err
}

// undone reports whether the database has undone a transaction for another's sake, or never got it.
func undone(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code == "40001" || failure.Code == "40P01" // serialization_failure, deadlock_detected
	}
	return err != nil && pgconn.SafeToRetry(err)
}

// Refuse marks an error of this package, or of those it serves, which Read, Write and Change return unchanged. All others
// are the database'd.
func Refuse(err error) error { return &refusal{err} }

type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

// refused returns what was marked, or nil.
func refused(err error) error {
	if marked, ok := errors.AsType[*refusal](err); ok {
		return marked.err
	}
	return nil
}

// committed says what the error of a commit, or of a statement that is a transaction of its own, means.
func committed(err error) error {
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok && failure.Severity == "ERROR" || pgconn.SafeToRetry(err) ||
		errors.Is(err, pgx.ErrTxCommitRollback) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}
