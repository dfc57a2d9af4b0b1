package pgstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// Servers count who is alive by the rows that each renews: one that ends is gone at once, one that has died after a while, and
// its row some minutes later. Heartbeats touch no index.
func TestNodes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	one, two := openReal(t, db.AdminDSN, pgstore.Options{}), openReal(t, db.AdminDSN, pgstore.Options{})
	follow(t, new(listener).hear, true, one)
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { two.Follow(ctx, new(listener).hear) })
	eventually(t, "the servers know of each other", func() bool { return one.Standing().Nodes == 2 && two.Standing().Nodes == 2 })

	rows := func() (n int) {
		t.Helper()
		if err := db.Conn().QueryRow(t.Context(), `SELECT count(*) FROM data_api.nodes`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	db.Exec(`INSERT INTO data_api.nodes (id, name, version, started, beat) VALUES
		('dead', 'n', 'v', 0, data_api.now_ns() - 11 * 60 * 1000000000::bigint), ('silent', 'n', 'v', 0, data_api.now_ns() - 60 * 1000000000::bigint)`)
	cancel()
	following.Wait()
	eventually(t, "the end of a server is known, the dead do not count, and those long dead are forgotten", func() bool {
		return one.Standing().Nodes == 1 && rows() == 2
	})
	eventually(t, "heartbeats are HOT updates", func() bool {
		var updates, hot int64
		err := db.Conn().QueryRow(t.Context(), `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'nodes'`).Scan(&updates, &hot)
		if err != nil {
			t.Fatal(err)
		}
		return updates > 0 && updates == hot
	})
}

// Silence is how long a server has not heard of the others, and not how long they had nothing to say.
func TestSilence(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	s := openReal(t, db.AdminDSN, pgstore.Options{Stale: 5 * time.Second})
	follow(t, new(listener).hear, true, s)
	var longest time.Duration
	for range 100 {
		time.Sleep(20 * time.Millisecond)
		longest = max(longest, s.Standing().Silence)
	}
	stopping := time.Now() // a busy machine takes a while for it
	cluster.Stop(t)
	eventually(t, "silence", func() bool { return s.Standing().Silence > max(5*time.Second, 2*longest) })
	silence := s.Standing().Silence
	if since := time.Since(stopping); silence > since+longest+time.Second {
		t.Errorf("it counts %s of silence %s after the database began to stop; before that it was %s at most", silence, since, longest)
	}
	cluster.Start(t)
	eventually(t, "it hears again", func() bool { return s.Standing().Silence < time.Second && s.Standing().Signals })
}
