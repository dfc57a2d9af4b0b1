package signal

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/solucao42/caddy-data-api/internal/store"
)

// Each server that runs has a row, under a name that no other opening of the store has or had: one that comes back after a
// crash is another one, and nobody takes it for the dead.
const (
	// beatEvery is how often a server renews its row.
	beatEvery = 5 * time.Second

	// AliveFor is how long it counts as alive after that.
	AliveFor = 3 * beatEvery

	// nodeKept is how long the row of a dead server stays, for operators to see.
	nodeKept = 10 * time.Minute

	beatTimeout = 4 * time.Second
)

// beats renews the row until ctx ends, and then removes it.
func (s *Signals) beats(ctx context.Context) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for failed := false; ; {
		hearing := s.ear.Load()
		if hearing != nil {
			select {
			case <-hearing.echo: // of an earlier one
			default:
			}
		}
		err := s.beat(ctx, hearing != nil)
		switch {
		case ctx.Err() != nil:
		case err != nil && !failed:
			s.settings.Logger.Warn("other servers do not hear that this one is alive; it is tried again", slog.Any("error", err))
		case err == nil && hearing != nil:
			s.checkEar(ctx, hearing)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			s.leave(context.WithoutCancel(ctx))
			return
		case <-ticker.C:
		case <-s.beatNow:
		}
	}
}

// beat renews the row, signals this server itself, removes the rows of those that are long dead, and counts who is alive.
func (s *Signals) beat(ctx context.Context, signal bool) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	name, _ := os.Hostname()
	others := 0
	err := s.db.ChangeAndScan(ctx, `
		WITH beat AS (
			INSERT INTO data_api.nodes (id, name, version, started, beat) VALUES ($1, $2, $3, data_api.now_ns(), data_api.now_ns())
			ON CONFLICT (id) DO UPDATE SET beat = excluded.beat
		), gone AS (
			DELETE FROM data_api.nodes WHERE beat < data_api.now_ns() - $5::bigint AND id <> $1
		), signalled AS MATERIALIZED (SELECT CASE WHEN $6::bool THEN pg_notify($1, '') END)
		SELECT (SELECT count(*) FROM data_api.nodes WHERE id <> $1 AND beat >= data_api.now_ns() - $4::bigint) FROM signalled`,
		[]any{s.settings.Node, name, s.settings.Version, int64(AliveFor), int64(nodeKept), signal}, &others)
	if err == nil {
		s.others.Store(int64(others))
	}
	return err
}

// leave removes the row, so that the others know at once. Where that fails they find out.
func (s *Signals) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	if _, err := s.db.Change(ctx, `DELETE FROM data_api.nodes WHERE id = $1`, s.settings.Node); err != nil {
		s.settings.Logger.Info("other servers find out by themselves that this one has ended", slog.Any("error", err))
	}
}

// Standing implements store.Shared.
func (s *Signals) Standing() store.Standing {
	return store.Standing{
		Silence: time.Since(*s.heard.Load()), Nodes: int(s.others.Load()) + 1, Signals: s.hearing.Load(),
	}
}
