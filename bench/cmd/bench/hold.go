package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// hold starts the database and the server, says how to reach them, and keeps them until it is interrupted: for a profiler,
// a debugger, or another load generator.
func (l *lab) hold(ctx context.Context) error {
	s, err := l.hs256(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("SERVER=%s PID=%d RESPOND=http://%s ADMIN=%s\n", s.url(""), s.pid(), address(s.respond), s.socket)
	fmt.Printf("DSN='%s' POSTMASTER=%d\nTOKEN=%s\n", l.database.dsn, l.database.pid, s.token)
	for slug := range statements {
		t := targetOf(slug, s.port, s.token)
		if _, err := l.script(t); err != nil {
			return err
		}
	}
	fmt.Printf("wrk -t1 -c8 -d5s -s %s %s\n", filepath.Join(l.dir, "point.lua"), targetOf("point", s.port, s.token).url())
	<-ctx.Done()
	return nil
}
