package signal

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

const (
	// FollowEvery is how often a server asks what others have changed.
	FollowEvery = 500 * time.Millisecond

	// followNoSooner is how much time passes from one look to the next, whatever calls for it.
	followNoSooner = 10 * time.Millisecond

	// followTimeout is how long that, and taking it in, may take.
	followTimeout = 5 * time.Second

	// changesKept is how long changes are kept. A server that could not ask for half of it takes everything for changed.
	changesKept = time.Hour
)

// Tell lets servers hear of a change when its transaction is committed, and signals that there is one.
func (s *Signals) Tell(ctx context.Context, tx pgx.Tx, kind store.ChangeKind, key string) error {
	_, err := tx.Exec(ctx, s.db.SQL(`WITH told AS (INSERT INTO data_api.changes (kind, key) VALUES ($1, $2)) SELECT pg_notify($3, $4)`),
		string(kind), key, s.db.Schema, signalChanges)
	return err
}

// Follow implements store.Shared.
func (s *Signals) Follow(ctx context.Context, heard func(ctx context.Context, changes []store.Change) error) {
	s.following.Store(true)
	defer s.following.Store(false)
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { s.beats(ctx) })
	if !s.settings.PollOnly {
		beside.Go(func() { s.listen(ctx) })
	}
	f := &follower{signals: s, from: s.opened, asked: time.Now()}
	ticker := time.NewTicker(s.settings.FollowEvery)
	defer ticker.Stop()
	for failed := false; ; {
		begun := time.Now()
		err := f.step(ctx, heard)
		s.noteLook(begun, err)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			s.settings.Logger.Error("what other servers have changed cannot be read; it is tried again", slog.Any("error", err))
			s.db.Pool.Reset() // connections may be dead and not say so
		case err == nil && failed:
			s.settings.Logger.Info("what other servers change is read again")
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.inbox.changes:
			// However many ask for it, the database is not asked more often.
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(begun.Add(followNoSooner))):
			}
		}
	}
}

// follower reads changes in the order in which their transactions could be seen. Numbers that are given when a row is written
// would not do: a transaction that commits later can have a lower one.
type follower struct {
	signals *Signals
	from    uint64         // every transaction before this one had ended when changes were read last
	known   map[int64]bool // the changes of later ones that were read
	asked   time.Time
}

// step tells what is new, and goes on from there once that was heard.
func (f *follower) step(ctx context.Context, heard func(ctx context.Context, changes []store.Change) error) error {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	asked := time.Now()
	next := &follower{signals: f.signals, asked: asked}
	var changes []store.Change
	err := f.signals.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) (err error) {
		changes, err = f.ask(ctx, q, next)
		return err
	})
	if err != nil {
		return err
	}
	// A database that went back, as a standby may that was behind when it was promoted, has lost what was told.
	if next.from < f.from || asked.Sub(f.asked) > changesKept/2 {
		changes = []store.Change{{Kind: store.Everything}}
	}
	if len(changes) > 0 {
		if err := heard(ctx, changes); err != nil {
			return err
		}
	}
	*f = *next
	f.signals.heard.Store(&asked)
	return nil
}

// ask reads what f has not, and where next goes on.
func (f *follower) ask(ctx context.Context, q pgdb.Querier, next *follower) (changes []store.Change, err error) {
	rows, err := q.Query(ctx, f.signals.db.SQL(`
		SELECT pg_snapshot_xmin(pg_current_snapshot())::text, c.seq, c.transaction::text, c.kind, c.key
		FROM (SELECT 1) AS always LEFT JOIN data_api.changes c ON c.transaction >= $1::text::xid8 ORDER BY c.seq`),
		strconv.FormatUint(f.from, 10))
	if err != nil {
		return nil, err
	}
	next.known = make(map[int64]bool)
	var oldest string
	var seq *int64
	var transaction, kind, key *string
	_, err = pgx.ForEachRow(rows, []any{&oldest, &seq, &transaction, &kind, &key}, func() (err error) {
		if next.from, err = strconv.ParseUint(oldest, 10, 64); err != nil || seq == nil {
			return err
		}
		by, err := strconv.ParseUint(*transaction, 10, 64)
		if by >= next.from {
			next.known[*seq] = true
		}
		if !f.known[*seq] {
			changes = append(changes, store.Change{Kind: store.ChangeKind(*kind), Key: *key})
		}
		return err
	})
	return changes, err
}

// Position notes where changes begin that are made from now on.
func (s *Signals) Position(ctx context.Context) (err error) {
	s.heard.Store(new(time.Now())) // who opens a store reads everything after that
	var oldest string
	if err := s.db.Pool.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text`).Scan(&oldest); err != nil {
		return err
	}
	s.opened, err = strconv.ParseUint(oldest, 10, 64)
	return err
}

// Forget removes changes that everybody has heard of.
func (s *Signals) Forget(ctx context.Context, tx pgx.Tx, limit int) error {
	_, err := tx.Exec(ctx, s.db.SQL(`DELETE FROM data_api.changes WHERE seq IN (
		SELECT seq FROM data_api.changes WHERE at < statement_timestamp() - make_interval(secs => $1) ORDER BY seq LIMIT $2)`),
		changesKept.Seconds(), limit)
	return err
}
