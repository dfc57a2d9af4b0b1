package signal

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// echoWithin is how soon a server has to hear what it has signalled to itself.
	echoWithin = 4 * time.Second

	// listenAgain is after what time a connection is tried again that has failed; it doubles up to listenAgainMost.
	listenAgain     = time.Second
	listenAgainMost = 10 * time.Second
)

// errDeaf says that nothing is heard on a connection that says nothing is wrong.
var errDeaf = errors.New("a signal to itself was not heard: LISTEN does not work on this connection. " +
	"If a proxy in transaction mode is between, say poll_only")

// ear is a connection on which signals are heard. A connection can stop hearing and not say so, because a firewall has dropped
// it, or since a proxy gives each transaction another one: so each heartbeat signals the server itself, and expects to be heard.
type ear struct {
	echo  chan struct{} // holds a token when a signal to this server was heard
	close context.CancelCauseFunc
}

// listen hears signals until ctx ends, on one connection at a time, which is no connection of the pool.
func (s *Signals) listen(ctx context.Context) {
	wait := listenAgain
	for told := false; ; {
		begun := time.Now()
		err := s.listenOnce(ctx)
		s.ear.Store(nil)
		s.hearing.Store(false)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > listenAgainMost { // it was well for a while
			wait, told = listenAgain, false
		}
		if !told {
			s.settings.Logger.Warn("signals of other servers are not heard; they are asked twice a second meanwhile", slog.Any("error", err))
			told = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, listenAgainMost)
	}
}

// listenOnce hears signals as long as one connection does.
func (s *Signals) listenOnce(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	conn, err := s.db.ConnectBeside(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	// It says nothing for as long as it lives, which a role or a database may have a limit for.
	if _, err := conn.Exec(ctx, "SET idle_session_timeout = 0"); err != nil {
		return err
	}
	for _, channel := range []string{s.db.Schema, s.settings.Node} {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return err
		}
	}
	s.inbox.putAll() // what was signalled before this
	heard := &ear{echo: make(chan struct{}, 1), close: end}
	s.ear.Store(heard)
	wake(s.beatNow)
	for {
		notification, err := conn.WaitForNotification(ctx)
		switch {
		case err != nil:
			return cmp.Or(context.Cause(ctx), err)
		case notification.Channel == s.settings.Node:
			wake(heard.echo)
		default:
			s.inbox.put(notification.Payload)
		}
	}
}

// checkEar waits until a heartbeat, which was sent after the ear was there, has been heard by it.
func (s *Signals) checkEar(ctx context.Context, hearing *ear) {
	timer := time.NewTimer(echoWithin)
	defer timer.Stop()
	select {
	case <-hearing.echo:
		s.hearing.Store(true)
	case <-timer.C:
		s.hearing.Store(false)
		hearing.close(errDeaf)
	case <-ctx.Done():
	}
}
