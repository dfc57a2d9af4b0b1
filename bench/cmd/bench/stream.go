package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// caller is a keep-alive connection that sends requests which were made before, and reads answers without net/http's
// client, which would take more processor time than the server.
type caller struct {
	conn   net.Conn
	reader *bufio.Reader
}

func (t target) request(body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: %d\r\n\r\n%s", t.path, address(t.port), t.token, len(body), body)
}

func dial(ctx context.Context, port int) (*caller, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(port))
	if err != nil {
		return nil, err
	}
	return &caller{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

var errRefused = errors.New("the answer is not 200")

// ask sends a request and reads an answer that has a Content-Length.
func (c *caller) ask(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length := -1
	for n := 0; ; n++ {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if n == 0 && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			return fmt.Errorf("%w: %s", errRefused, bytes.TrimSpace(line))
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			break
		}
	}
	if length < 0 {
		return errors.New("the answer has no Content-Length")
	}
	_, err := c.reader.Discard(length)
	return err
}

// stream sends a request, and returns how long the first byte of the answer's body took. It reads the rest too, until
// the deadline, which is no error.
func (c *caller) stream(request []byte, deadline time.Time) (first time.Duration, err error) {
	started := time.Now()
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%w: %s", errRefused, response.Status)
	}
	if _, err := response.Body.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	first = time.Since(started)
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return first, nil
	}
	return first, err
}

// firstBytes is how often one round measures a first byte.
const firstBytes = 3

// firstByte returns how long the first byte of a result takes, in milliseconds.
func firstByte(ctx context.Context, t target) (float64, error) {
	c, err := dial(ctx, t.port)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	var taken []float64
	for range firstBytes {
		first, err := c.stream(t.request(t.bodies[0]), time.Now().Add(time.Minute))
		if err != nil {
			return 0, err
		}
		taken = append(taken, milliseconds(first))
	}
	return median(taken), nil
}

// rate returns how many times a second one caller gets an answer, as psql is asked: wrk would not count the one that it
// waits for when the time is over, which matters when an answer takes long.
func (l *lab) rate(ctx context.Context, t target) (float64, error) {
	if err := t.check(ctx); err != nil {
		return 0, err
	}
	c, err := dial(ctx, t.port)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	answers := 0
	started := time.Now()
	for time.Since(started) < time.Duration(l.seconds)*time.Second {
		if err := c.ask(t.request(t.bodies[0])); err != nil {
			return 0, err
		}
		answers++
	}
	return float64(answers) / time.Since(started).Seconds(), nil
}

// longest is how long the readers of large results read before they hang up.
const longest = 20 * time.Second

// peak returns by how many MiB the server's memory grows while this many callers read a result at once.
func (l *lab) peak(ctx context.Context, readers int) (float64, error) {
	s, err := l.forMemory(ctx)
	if err != nil {
		return 0, err
	}
	small := targetOf("point", s.port, s.token)
	for range 10 { // an idle server has served before
		if err := small.check(ctx); err != nil {
			return 0, err
		}
	}
	time.Sleep(2 * time.Second)
	idle, err := rig.Memory(s.pid(), "VmRSS")
	if err != nil {
		return 0, err
	}
	if err := resetPeak(s.pid()); err != nil {
		return 0, rig.ErrNoProc
	}
	large := targetOf("million", s.port, s.token)
	deadline := time.Now().Add(longest)
	failures := make([]error, readers)
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() {
			c, err := dial(ctx, s.port)
			if err == nil {
				_, err = c.stream(large.request(large.bodies[0]), deadline)
				_ = c.conn.Close()
			}
			failures[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, err
	}
	highest, err := rig.Memory(s.pid(), "VmHWM")
	return highest - idle, err
}
