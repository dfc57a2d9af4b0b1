package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

func testCancel(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := compile(t, s, source.Statement{SQL: db.Endless})
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(50*time.Millisecond, cancel)
		started := time.Now()
		err := query.Run(ctx, source.Call{}, &recorder{t: t})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
		inTime(t, db, "the end of a cancelled statement", time.Since(started)-50*time.Millisecond)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	sink := &recorder{t: t}
	if err := query.Run(ctx, source.Call{}, sink); !errors.Is(err, context.Canceled) || sink.calls > 0 {
		t.Errorf("cancelled beforehand: got %v and %d calls", err, sink.calls)
	}
	run(t, compile(t, s, source.Statement{SQL: db.Empty}))
}

func testDeadline(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := compile(t, s, source.Statement{SQL: db.Endless})
	for _, timeout := range []time.Duration{100 * time.Millisecond, time.Nanosecond} {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		started := time.Now()
		err := query.Run(ctx, source.Call{}, &recorder{t: t})
		cancel()
		wantCode(t, "Run", err, dataapi.CodeExecutionTimeout)
		inTime(t, db, "the end of a statement after its deadline", time.Since(started)-timeout)
	}
	run(t, compile(t, s, source.Statement{SQL: db.Empty}))
}

func testCancelBetweenRows(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := counting(t, db, s, 1_000_000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sink := &recorder{t: t, onRow: func(row int) error {
		if row == 2 {
			cancel()
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	}}
	if err := query.Run(ctx, source.Call{Args: []source.Argument{integer(10_000_000)}}, sink); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v after %d rows, want context.Canceled", err, len(sink.rows))
	}
	if got := len(run(t, query, integer(5)).rows); got != 5 {
		t.Errorf("afterwards %d rows come, want 5", got)
	}
}

// testOverload holds the only connection with a reader that does not read.
func testOverload(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := counting(t, db, s, 10)
	reading, finish := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- query.Run(context.Background(), source.Call{Args: []source.Argument{integer(3)}}, &recorder{t: t, onRow: func(row int) error {
			if row == 1 {
				close(reading)
				<-finish
			}
			return nil
		}})
	}()
	select {
	case <-reading:
	case err := <-held:
		t.Fatalf("the slow reader: %v before its first row", err)
	}

	started := time.Now()
	err := query.Run(context.Background(), source.Call{Args: []source.Argument{integer(1)}}, &recorder{t: t})
	wantCode(t, "Run while the only connection is taken", err, dataapi.CodeOverloaded)
	inTime(t, db, "the refusal", time.Since(started)-2*time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err = query.Run(ctx, source.Call{Args: []source.Argument{integer(1)}}, &recorder{t: t})
	wantCode(t, "a deadline while waiting", err, dataapi.CodeExecutionTimeout)
	close(finish)
	if err := <-held; err != nil {
		t.Errorf("the slow reader: %v", err)
	}
	run(t, query, integer(1))
}

func testConcurrent(t *testing.T, db Database) {
	s := open(t, db, 4)
	query := counting(t, db, s, 500)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for round := range 25 {
				n := worker*31 + round
				sink := &recorder{t: t}
				if err := query.Run(context.Background(), source.Call{Args: []source.Argument{integer(int64(n))}}, sink); err != nil {
					t.Errorf("worker %d: %v", worker, err)
					return
				}
				if len(sink.rows) != n || n > 0 && sink.rows[n-1][0] != fmt.Sprint(n) {
					t.Errorf("worker %d got %d rows, want %d", worker, len(sink.rows), n)
				}
				if _, err := query.Check(context.Background()); err != nil {
					t.Errorf("worker %d: Check: %v", worker, err)
				}
			}
		})
	}
	wait.Wait()
}

func testClose(t *testing.T, db Database) {
	s := db.Open(t, 2)
	query := compile(t, s, source.Statement{SQL: db.Endless})
	ended := make(chan error, 2)
	for range cap(ended) {
		go func() { ended <- query.Run(context.Background(), source.Call{}, &recorder{t: t}) }()
	}
	time.Sleep(200 * time.Millisecond) // both run by now; were they not, they would be refused, which is an error as well
	started := time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	inTime(t, db, "Close", time.Since(started))
	for range cap(ended) {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a query that Close cancelled returned no error")
			}
		case <-time.After(patience):
			t.Fatal("a query outlived Close")
		}
	}
	wantCode(t, "after Close", query.Run(context.Background(), source.Call{}, &recorder{t: t}), dataapi.CodeSourceUnavailable)
}
