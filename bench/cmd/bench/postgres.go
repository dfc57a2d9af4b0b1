package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// reaping is how long PostgreSQL may take to see that the processes of connections have ended: until then their processor time
// counts nowhere.
const reaping = 200 * time.Millisecond

// pgbench returns how many times a second PostgreSQL's own load generator gets a prepared statement answered.
func (l *lab) pgbench(ctx context.Context, slug string, clients int) (float64, error) {
	before := rig.CPUTime(l.database.pid)
	rate, err := l.runPgbench(ctx, slug, clients, "-T", strconv.Itoa(l.seconds))
	if err != nil {
		return 0, err
	}
	time.Sleep(reaping)
	l.requests, l.server, l.client = rate*float64(l.seconds), 0, rig.CPUTime(l.database.pid)-before
	return rate, nil
}

// runPgbench runs it for a time, or for a number of transactions, and returns how many it got done in a second.
func (l *lab) runPgbench(ctx context.Context, slug string, clients int, end ...string) (float64, error) {
	path, err := l.pgbenchScript(slug)
	if err != nil {
		return 0, err
	}
	printed, err := run(ctx, l.dir, "pgbench", l.database.client(append([]string{"-n", "-M", "prepared", "-f", path,
		"-c", strconv.Itoa(clients), "-j", "1"}, end...)...)...)
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(printed, "\ntps = ")
	tps, _, _ := strings.Cut(after, " ")
	rate, err := strconv.ParseFloat(tps, 64)
	if err != nil {
		return 0, fmt.Errorf("pgbench printed no tps: %s", printed)
	}
	return rate, nil
}

// copyOut returns how many results a second COPY brings to clients that throw them away.
func (l *lab) copyOut(ctx context.Context, slug string, clients int) (float64, error) {
	config := l.database.config.Copy()
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, 64<<10), w)
	}
	sql := "COPY (" + statements[slug].sql + ") TO STDOUT"
	duration := time.Duration(l.seconds) * time.Second
	var results atomic.Int64
	failures := make([]error, clients)
	before := rig.CPUTime(l.database.pid)
	started := time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			conn, err := pgconn.ConnectConfig(ctx, config)
			if err != nil {
				failures[i] = err
				return
			}
			defer conn.Close(ctx)
			for time.Since(started) < duration {
				if _, err := conn.CopyTo(ctx, io.Discard, sql); err != nil {
					failures[i] = err
					return
				}
				results.Add(1)
			}
		})
	}
	all.Wait()
	elapsed := time.Since(started).Seconds()
	for _, err := range failures {
		if err != nil {
			return 0, err
		}
	}
	time.Sleep(reaping)
	l.requests, l.server, l.client = float64(results.Load()), 0, rig.CPUTime(l.database.pid)-before
	return float64(results.Load()) / elapsed, nil
}

// session is a psql that is given statements one after the other.
type session struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

// endMark ends what psql prints of a statement.
const endMark = "-- end of the statement --"

func (l *lab) psql(ctx context.Context) (*session, error) {
	command := exec.CommandContext(ctx, "psql", l.database.client("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")...)
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &session{command, input, bufio.NewReaderSize(output, 64<<10)}
	if _, err := s.ask("SELECT 1"); err != nil { // connected and ready
		return nil, err
	}
	return s, nil
}

// ask runs a statement to its end, and returns how long its first line took.
func (s *session) ask(sql string) (first time.Duration, err error) {
	started := time.Now()
	if _, err := fmt.Fprintf(s.input, "%s;\n\\echo '%s'\n", sql, endMark); err != nil {
		return 0, err
	}
	for {
		line, err := s.output.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("psql: %w", err)
		}
		if first == 0 {
			first = time.Since(started)
		}
		if bytes.HasPrefix(line, []byte(endMark)) {
			return first, nil
		}
	}
}

func (s *session) close() {
	_ = s.input.Close()
	_ = s.command.Wait()
}

// psqlRate returns how many times a second psql gets a statement answered.
func (l *lab) psqlRate(ctx context.Context, slug string) (float64, error) {
	s, err := l.psql(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	answers := 0
	started := time.Now()
	for time.Since(started) < time.Duration(l.seconds)*time.Second {
		if _, err := s.ask(statements[slug].sql); err != nil {
			return 0, err
		}
		answers++
	}
	return float64(answers) / time.Since(started).Seconds(), nil
}

// psqlFirstRow returns how long psql takes to print the first row of a result that it streams, in milliseconds.
func (l *lab) psqlFirstRow(ctx context.Context, slug string) (float64, error) {
	s, err := l.psql(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	var taken []float64
	for range firstBytes {
		first, err := s.ask("COPY (" + statements[slug].sql + ") TO STDOUT")
		if err != nil {
			return 0, err
		}
		taken = append(taken, milliseconds(first))
	}
	return median(taken), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
