//go:build linux && faults

// These tests open thousands of connections, and measure. They are run by `make faults`.

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// mostMemory is what the server may take at its peak, in MB, whatever a company does.
const mostMemory = 400

// besieged is a server with a company that besieges it, and another one that asks now and then. Its twin is a server that is
// left alone: a caller there waits only for processors, which the besiegers keep busy too.
type besieged struct {
	*server
	t      *testing.T
	twin   *server
	token  string // of the company that besieges
	quiet  string // of the other one
	alone  string // of the other one, at the twin
	result string // path of a stored result
	p99    time.Duration
}

func newBesieged(t *testing.T) *besieged {
	t.Helper()
	long := "/*---\nsource: main\nmode: async\nlimits: { max_rows: 1000000 }\nparams: { rows: { type: integer, default: 200000 } }\n---*/\n" + engines[0].Series
	b := &besieged{t: t}
	config := func() serverConfig {
		return serverConfig{sources: servertest.SQLite(t, t.TempDir(), "CREATE TABLE one (n)").Directive(), files: map[string]string{
			"acme/company.yaml":        companyFile,
			"globex/company.yaml":      companyFile,
			"acme/default/long.sql":    long,
			"acme/default/short.sql":   "/*---\nsource: main\n---*/\nSELECT 1 AS n",
			"globex/default/short.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
		}}
	}
	b.server, b.twin = newServer(t, config()), newServer(t, config())
	b.token, b.quiet = b.Login("acme", "integration").Access, b.Login("globex", "integration").Access
	b.alone = b.twin.Login("globex", "integration").Access
	b.result = b.Execute("long", b.token, "{}").Job()
	if ended := b.Await(b.result, b.token); ended.Status != "completed" {
		t.Fatalf("the job is %+v", ended)
	}
	b.ask(t.Context(), 5*time.Second) // which warms up
	b.p99, _ = b.ask(t.Context(), 15*time.Second)
	t.Logf("before: %d MB, the other company's p99 is %s", b.memory("VmRSS"), b.p99)
	b.resetPeak()
	return b
}

// ask sends the other company's requests to both servers in turn, one after the other with a pause, and returns the 99th
// percentile of their times.
func (b *besieged) ask(ctx context.Context, during time.Duration) (here, atTwin time.Duration) {
	b.t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var times, alone []time.Duration
	for end := time.Now().Add(during); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		times = append(times, b.askOne(ctx, client, b.server, b.quiet))
		alone = append(alone, b.askOne(ctx, client, b.twin, b.alone))
	}
	if len(times) == 0 {
		b.t.Fatal("the other company got no answer")
	}
	return p99(times), p99(alone)
}

func (b *besieged) askOne(ctx context.Context, client *http.Client, s *server, token string) time.Duration {
	b.t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL("/api/v1/data-api/default/short/execute"), strings.NewReader("{}"))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	begun := time.Now()
	if got, err := s.DoWith(client, request); err != nil || got.Status != http.StatusOK {
		b.t.Fatalf("the other company got %d %s %v", got.Status, got.Body, err)
	}
	return time.Since(begun)
}

func p99(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)*99/100]
}

// memory returns a figure of the server's process in MB.
func (b *besieged) memory(field string) int {
	b.t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		b.t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			kilobytes, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				b.t.Fatal(err)
			}
			return kilobytes >> 10
		}
	}
	b.t.Fatalf("%s is unknown", field)
	return 0
}

func (b *besieged) resetPeak() {
	b.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", b.cmd.Process.Pid), []byte("5"), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// under measures while a siege goes on, and afterwards.
func (b *besieged) under(siege func(ctx context.Context) string) {
	b.t.Helper()
	ctx, lift := context.WithCancel(b.t.Context())
	defer lift()
	var what string
	var going sync.WaitGroup
	going.Go(func() { what = siege(ctx) })
	here, twin := b.ask(ctx, 40*time.Second)
	peak := b.memory("VmHWM")
	lift()
	going.Wait()
	after, _ := b.ask(b.t.Context(), 15*time.Second)
	quiet := max(b.p99, after)
	b.t.Logf("%s; the server's peak is %d MB; the other company's p99 is %s, %.1f times what it is without; at a server that is left alone it is %s meanwhile",
		what, peak, here, float64(here)/float64(quiet), twin)
	if peak >= mostMemory {
		b.t.Errorf("the server took %d MB", peak)
	}
	if here > 2*max(quiet, twin) {
		b.t.Errorf("the other company's p99 is %s, it is %s without, and %s at a server that is left alone", here, quiet, twin)
	}
	time.Sleep(30 * time.Second)
	b.t.Logf("half a minute later it has %d MB", b.memory("VmRSS"))
	b.Get(b.result+"/result.csv", b.token).Want(http.StatusOK) // the besieger is served again
}

// statuses counts answers by their status, by many at once.
type statuses struct{ counts [600]atomic.Int64 }

func (s *statuses) add(status int) { s.counts[status].Add(1) }

func (s *statuses) String() string {
	var text []string
	for status := range s.counts {
		if n := s.counts[status].Load(); n > 0 {
			text = append(text, fmt.Sprintf("%d of %d", n, status))
		}
	}
	return strings.Join(text, ", ")
}

// connect opens a connection with a small buffer and sends a request.
func (b *besieged) connect(ctx context.Context, request string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, request)
	return conn, err
}

// many runs a part of a siege for each of its connections, which begin over half a minute.
func many(ctx context.Context, n int, part func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(part)
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Millisecond):
		}
	}
	all.Wait()
}

// statusOf reads the first line of an answer.
func statusOf(r *bufio.Reader) int {
	line, err := r.ReadString('\n')
	if err != nil || len(line) < 12 {
		return 0
	}
	status, _ := strconv.Atoi(line[9:12])
	return status
}

// TestFaultsSlowReadersOfResults: 8,000 connections read a stored result as CSV, a few bytes a second each.
func TestFaultsSlowReadersOfResults(t *testing.T) {
	b := newBesieged(t)
	b.under(func(ctx context.Context) string {
		var got statuses
		many(ctx, 8_000, func() {
			conn, err := b.connect(ctx, "GET "+b.result+"/result.csv HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "+b.token+"\r\n\r\n")
			if err != nil {
				return
			}
			defer conn.Close()
			reader := bufio.NewReaderSize(conn, 64)
			got.add(statusOf(reader))
			for {
				if _, err := reader.Discard(64); err != nil {
					return
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(5 * time.Second):
				}
			}
		})
		return "8,000 slow readers: " + got.String()
	})
}

// TestFaultsStreamsWithoutWindow: 40 connections of HTTP/2 with 240 streams each ask for a result, and take nothing.
func TestFaultsStreamsWithoutWindow(t *testing.T) {
	for name, path := range map[string]string{"result.csv": "/result.csv", "result": "/result", "job": ""} {
		t.Run(name, func(t *testing.T) {
			b := newBesieged(t)
			b.under(func(ctx context.Context) string {
				var got statuses
				var resets atomic.Int64
				var all sync.WaitGroup
				for range 40 {
					all.Go(func() {
						answers, err := 0, error(nil)
						for answers == 0 && ctx.Err() == nil { // a server that does not come to read the SETTINGS within two seconds closes the connection
							var conn net.Conn
							if conn, err = b.connect(ctx, http2.ClientPreface); err == nil {
								answers, err = takeNothing(conn, b.result+path, b.token, 240, &got, &resets)
								_ = conn.Close()
							}
						}
						if err != nil && ctx.Err() == nil {
							t.Errorf("a connection ended after %d answers with %v", answers, err)
						}
					})
				}
				all.Wait()
				return fmt.Sprintf("9,600 streams without a window: %s, of which %d were reset", &got, resets.Load())
			})
		})
	}
}

// takeNothing opens streams on a connection, and reads what comes without their windows. It returns how many of them were answered or
// reset.
func takeNothing(conn net.Conn, path, token string, streams int, got *statuses, resets *atomic.Int64) (answers int, err error) {
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		return 0, err
	}
	for i := range streams {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		encoder.SetMaxDynamicTableSize(0)
		for _, field := range [][2]string{
			{":method", "GET"}, {":scheme", "http"}, {":authority", "127.0.0.1"}, {":path", path}, {"authorization", "Bearer " + token},
		} {
			if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
				return 0, err
			}
		}
		stream := uint32(2*i + 1)
		err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		if err != nil {
			return 0, err
		}
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return answers, err
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				if err := framer.WriteSettingsAck(); err != nil {
					return answers, err
				}
			}
		case *http2.MetaHeadersFrame:
			status, _ := strconv.Atoi(frame.PseudoValue("status"))
			got.add(status)
			answers++
		case *http2.RSTStreamFrame:
			resets.Add(1)
			answers++
		case *http2.GoAwayFrame:
			return answers, errors.New("the server goes away: " + frame.ErrCode.String())
		}
	}
}

// TestFaultsSlowBodies: 10,000 connections send a body, a byte a second each.
func TestFaultsSlowBodies(t *testing.T) {
	for name, path := range map[string]string{"execute": "/api/v1/data-api/default/short/execute", "api-key": "/api/v1/auth/api-key"} {
		t.Run(name, func(t *testing.T) {
			b := newBesieged(t)
			b.under(func(ctx context.Context) string {
				var got statuses
				many(ctx, 10_000, func() {
					conn, err := b.connect(ctx, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "+b.token+"\r\n"+
						"Content-Type: application/json\r\nContent-Length: 16000\r\n\r\n{")
					if err != nil {
						return
					}
					defer conn.Close()
					answered := make(chan int, 1)
					go func() { answered <- statusOf(bufio.NewReaderSize(conn, 64)) }()
					for {
						select {
						case status := <-answered:
							got.add(status)
							return
						case <-time.After(time.Second):
							_, _ = io.WriteString(conn, " ") // the answer tells when it was too much
						}
					}
				})
				return "10,000 slow bodies: " + got.String()
			})
		})
	}
}

// TestFaultsPauseOfAQuery: a query that pauses for longer than any reader may is not its reader's fault.
func TestFaultsPauseOfAQuery(t *testing.T) {
	s := newServer(t, serverConfig{sources: servertest.Postgres(t, "", "").Directive(), files: map[string]string{
		"acme/default/pause.sql": "/*---\nsource: main\nlimits: { timeout: 60s }\n---*/\n" +
			"SELECT i, repeat('x', 100) AS pad, CASE WHEN i = 2000 THEN pg_sleep(36)::text ELSE '' END AS pause FROM generate_series(1, 3000) AS i",
	}})
	token := s.Login("acme", "integration").Access
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	for name, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2": {Protocols: h2c}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL("/api/v1/data-api/default/pause/execute.csv"), strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+token)
			got, err := s.DoWith(&http.Client{Transport: transport}, request)
			if err != nil || got.Status != http.StatusOK || bytes.Count(got.Body, []byte("\n")) != 3001 {
				t.Errorf("%d, %d bytes, %v", got.Status, len(got.Body), err)
			}
		})
	}
}
