package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// testAPI makes an API that has what answers need.
func testAPI() *API {
	api := New(Services{
		Log: slog.New(slog.DiscardHandler), CursorKey: make([]byte, 32), Memory: NewMemory(64 << 20),
		ClientIP: func(*http.Request) string { return "192.0.2.1" },
	})
	return api
}

// listen serves a handler as Caddy does, from a real server on a listener.
func listen(t *testing.T, listener net.Listener, h http.Handler, settings ...func(*http.Server)) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	server := &http.Server{Handler: h, Protocols: protocols, ConnContext: WithConn, ReadHeaderTimeout: time.Minute}
	for _, set := range settings {
		set(server)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}

func tcpListener(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// ask sends a request in plain text and returns all that comes until the connection ends, and how it ends: nil is an end
// that HTTP/1.0 takes for the end of the answer.
func ask(t *testing.T, conn net.Conn, request string) (answer []byte, err error) {
	t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(conn)
}

func dial(t *testing.T, address net.Addr) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), address.Network(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// embedding wraps a connection as some of Caddy's listeners do.
type embedding struct{ net.Conn }

type embeddingListener struct{ net.Listener }

func (l embeddingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &embedding{conn}, err
}

// half sends the first part of a long answer.
func half(w io.Writer) error {
	_, err := w.Write(bytes.Repeat([]byte("row\n"), 25_000))
	return err
}

var errMidst = errors.New("the query failed in its midst")

// Over HTTP/1.0 the end of the connection is the end of the answer. One that ends badly ends with a reset.
func TestHTTP10AnswerThatEndsBadlyIsReset(t *testing.T) {
	api := testAPI()
	mux := http.NewServeMux()
	for path, h := range map[string]handler{
		"/whole": func(w http.ResponseWriter, _ *http.Request) error { return half(w) },
		"/error": func(w http.ResponseWriter, _ *http.Request) error { return errors.Join(half(w), errMidst) },
		"/panic": func(w http.ResponseWriter, _ *http.Request) error {
			_ = half(w)
			panic(http.ErrAbortHandler) // as any other panic does, without a trace in the test's output
		},
		"/small": func(w http.ResponseWriter, _ *http.Request) error { return writeJSON(w, http.StatusOK, "small") },
		"/refused": func(http.ResponseWriter, *http.Request) error {
			return &dataapi.Error{Code: dataapi.CodeNotFound}
		},
	} {
		mux.Handle(path, api.handle(h))
	}
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()

	for name, open := range map[string]func(t *testing.T) net.Conn{
		"plain": func(t *testing.T) net.Conn {
			listener := tcpListener(t)
			listen(t, listener, mux)
			return dial(t, listener.Addr())
		},
		"embedded": func(t *testing.T) net.Conn {
			listener := tcpListener(t)
			listen(t, embeddingListener{listener}, mux)
			return dial(t, listener.Addr())
		},
		"tls": func(t *testing.T) net.Conn {
			listener := tcpListener(t)
			listen(t, tls.NewListener(listener, &tls.Config{Certificates: certificate.TLS.Certificates}), mux) //nolint:gosec // as httptest has it
			return tls.Client(dial(t, listener.Addr()), &tls.Config{InsecureSkipVerify: true})                 //nolint:gosec // it is a test's
		},
	} {
		t.Run(name, func(t *testing.T) {
			for path, whole := range map[string]bool{"/whole": true, "/small": true, "/refused": true, "/error": false, "/panic": false} {
				answer, err := ask(t, open(t), "GET "+path+" HTTP/1.0\r\n\r\n")
				if whole && err != nil {
					t.Errorf("%s ends with %v after %d bytes", path, err, len(answer))
				}
				if !whole && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s ends with %v after %d bytes, want a reset", path, err, len(answer))
				}
				if path == "/whole" && !bytes.HasSuffix(answer, bytes.Repeat([]byte("row\n"), 25_000)) {
					t.Errorf("%s has %d bytes", path, len(answer))
				}
			}
		})
	}
}

// A connection of HTTP/1.0 goes on after an answer of known length, and ends as any other.
func TestHTTP10KeepsConnections(t *testing.T) {
	api := testAPI()
	listener := tcpListener(t)
	listen(t, listener, api.handle(func(w http.ResponseWriter, _ *http.Request) error { return writeJSON(w, http.StatusOK, "small") }))
	request := "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	answer, err := ask(t, dial(t, listener.Addr()), request+request+"GET / HTTP/1.0\r\n\r\n")
	if err != nil || bytes.Count(answer, []byte("200 OK")) != 3 {
		t.Errorf("%v: %s", err, answer)
	}
}

// Where a connection cannot be reset, an answer of unknown length is refused before it begins.
func TestHTTP10WithoutResetRefusesLongAnswers(t *testing.T) {
	api := testAPI()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/long", api.handle(func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
	mux.Handle("/known", api.handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "100000")
		return half(w)
	}))
	listen(t, listener, mux)
	answer, err := ask(t, dial(t, listener.Addr()), "GET /long HTTP/1.0\r\n\r\n")
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.0 505 ")) || !bytes.Contains(answer, []byte("HTTP_VERSION_NOT_SUPPORTED")) {
		t.Errorf("%v: %.300s", err, answer)
	}
	if answer, err := ask(t, dial(t, listener.Addr()), "GET /known HTTP/1.0\r\n\r\n"); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.0 200 ")) {
		t.Errorf("%v: %.300s", err, answer)
	}
	answer, _ = ask(t, dial(t, listener.Addr()), "GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer, []byte("0\r\n\r\n")) {
		t.Errorf("%.300s", answer)
	}
}

// HTTP/1.0 has no trailers, and is announced none.
func TestHTTP10HasNoTrailer(t *testing.T) {
	api := testAPI()
	listener := tcpListener(t)
	listen(t, listener, api.handle(func(w http.ResponseWriter, _ *http.Request) error {
		answer := newResultAnswer(w, form{format: result.FormatCSV}, "name", 10_000, nil, true)
		defer answer.Close()
		if err := answer.Columns([]result.Column{{Name: "a", Type: result.Varchar}}); err != nil {
			return err
		}
		for range 9_000 {
			if err := answer.Row([]result.Value{{Kind: result.Text, Bytes: []byte("some text")}}); err != nil {
				return err
			}
		}
		return answer.End(result.Summary{RowCount: 9_000})
	}))
	for version, want := range map[string]bool{"1.0": false, "1.1": true} {
		answer, err := ask(t, dial(t, listener.Addr()), "GET / HTTP/"+version+"\r\nHost: x\r\nConnection: close\r\n\r\n")
		if head, _, _ := bytes.Cut(answer, []byte("\r\n\r\n")); err != nil || bytes.Contains(head, []byte("\r\nTrailer: ")) != want {
			t.Errorf("HTTP/%s: %v %s", version, err, head)
		}
	}
}

// h2Client speaks HTTP/2 without TLS.
func h2Client(t *testing.T) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// A query may pause for as long as its time limit lasts: nobody waits for a reader meanwhile.
func TestPausesDoNotEndAnswers(t *testing.T) {
	api := testAPI()
	api.watch.stall, api.watch.blind = 200*time.Millisecond, 200*time.Millisecond
	const pause = 1500 * time.Millisecond
	listener := tcpListener(t)
	listen(t, listener, api.handle(func(w http.ResponseWriter, _ *http.Request) error {
		for range 2 {
			if err := half(w); err != nil {
				return err
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
		return half(w)
	}))
	for name, client := range map[string]*http.Client{"HTTP/1.1": http.DefaultClient, "HTTP/2": h2Client(t)} {
		response, err := client.Get("http://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || len(body) != 300_000 {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
	}
}

// rawH2 is a client of HTTP/2 that gives its streams no window, or gives it as it likes.
type rawH2 struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
}

func newRawH2(t *testing.T, address net.Addr, window uint32) *rawH2 {
	t.Helper()
	conn := dial(t, address)
	t.Cleanup(func() { _ = conn.Close() })
	c := &rawH2{t, conn, http2.NewFramer(conn, conn)}
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err := errors.Join(err, c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})); err != nil {
		t.Fatal(err)
	}
	return c
}

// get opens a stream.
func (c *rawH2) get(stream uint32, path string) {
	c.t.Helper()
	// Static and literal fields of HPACK (RFC 7541): GET, http, the path and the authority.
	block := []byte{0x82, 0x86}
	block = append(append(block, 0x04, byte(len(path))), path...)
	block = append(append(block, 0x01, 1), 'x')
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndStream: true, EndHeaders: true}); err != nil {
		c.t.Fatal(err)
	}
}

// end reads until the stream ends, and reports whether it was reset. Each frame of data is told.
func (c *rawH2) end(stream uint32, data func(length int)) (reset bool, err error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(60 * time.Second))
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return false, err
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = c.framer.WriteSettingsAck()
			}
		case *http2.DataFrame:
			if data != nil {
				data(len(frame.Data()))
			}
			if frame.StreamID == stream && frame.StreamEnded() {
				return false, nil
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return true, nil
			}
		}
	}
}

// A reader that takes nothing is ended, on every protocol; one that takes a little now and then is not.
func TestReadersThatTakeNothingAreEnded(t *testing.T) {
	for _, path := range []string{"/long", "/short"} {
		t.Run("HTTP2"+path, func(t *testing.T) {
			api := testAPI()
			api.watch.stall = 400 * time.Millisecond
			mux := http.NewServeMux()
			mux.Handle("/long", api.handle(func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
			mux.Handle("/short", api.handle(func(w http.ResponseWriter, _ *http.Request) error { return writeJSON(w, http.StatusOK, "short") }))
			listener := tcpListener(t)
			listen(t, listener, mux)
			stuck := newRawH2(t, listener.Addr(), 0)
			stuck.get(1, path)
			if reset, err := stuck.end(1, nil); err != nil || !reset {
				t.Errorf("a stream without a window ends with %v, and a reset: %t", err, reset)
			}
			if held := eventuallyHeld(api, 0); held != 0 {
				t.Errorf("%d bytes of the budget are held by nobody", held)
			}
		})
	}
	t.Run("slow HTTP2", func(t *testing.T) {
		api := testAPI()
		api.watch.stall = 2 * time.Second
		listener := tcpListener(t)
		listen(t, listener, api.handle(func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
		slow := newRawH2(t, listener.Addr(), 10_000)
		slow.get(1, "/")
		got := 0
		reset, err := slow.end(1, func(length int) {
			got += length
			time.Sleep(time.Duration(length) * 50 * time.Microsecond) // 100,000 bytes in 5 s
			_ = errors.Join(slow.framer.WriteWindowUpdate(0, uint32(length)), slow.framer.WriteWindowUpdate(1, uint32(length)))
		})
		if err != nil || reset || got != 100_000 {
			t.Errorf("a slow reader got %d bytes, %v, and a reset: %t", got, err, reset)
		}
	})
	for _, test := range []struct {
		name  string
		pause time.Duration // between reads; 0: there are none
	}{{"stuck HTTP1", 0}, {"slow HTTP1", 100 * time.Millisecond}} {
		t.Run(test.name, func(t *testing.T) {
			api := testAPI()
			api.watch.stall = 2 * time.Second
			ended := make(chan error, 1)
			listener := tcpListener(t)
			listen(t, listener, api.handle(func(w http.ResponseWriter, _ *http.Request) error {
				// One write that its reader takes 6 s for.
				_, err := w.Write(make([]byte, 12<<20))
				ended <- err
				return err
			}))
			conn := dial(t, listener.Addr())
			defer conn.Close()
			if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 256<<10)
			for test.pause > 0 {
				if n, err := conn.Read(buffer); err != nil || n == 0 {
					t.Fatalf("the slow reader's connection ends with %v", err)
				}
				select {
				case err := <-ended:
					if err != nil {
						t.Errorf("a slow reader was ended: %v", err)
					}
					return
				case <-time.After(test.pause):
				}
			}
			select {
			case err := <-ended:
				if !errors.Is(err, errStalled) {
					t.Errorf("writing ended with %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("nobody ends a reader that takes nothing")
			}
		})
	}
}

// eventuallyHeld waits until so much of the budgets is held, and returns what is held then.
func eventuallyHeld(api *API, want int64) (held int64) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		held = api.Memory.callers.Held() + api.Memory.strangers.Held()
		if held == want || time.Now().After(deadline) {
			return held
		}
	}
}

// Whoever reads slowly holds a part of the budget, and when there is none left others are refused, not begun.
func TestAnswersBeyondTheBudgetAreRefused(t *testing.T) {
	api := testAPI()
	api.Memory.Resize(8 << 20) // and 1 MiB for strangers, half of which one address may hold
	listener := tcpListener(t)
	mux := http.NewServeMux()
	mux.Handle("/long", api.handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Trailer", "X-Data-Api-Row-Count")
		return half(w)
	}))
	listen(t, listener, mux)
	stuck := newRawH2(t, listener.Addr(), 0)
	for i := range uint32(20) {
		stuck.get(2*i+1, "/long")
	}
	const each = answerCost + smallAnswer
	if held := eventuallyHeld(api, 5*each); held != 5*each {
		t.Fatalf("%d bytes are held", held)
	}
	status, header, body, err := fetch(t, "http://"+listener.Addr().String()+"/long")
	if err != nil || status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !bytes.Contains(body, []byte("OVERLOADED")) ||
		header.Get("Trailer") != "" {
		t.Errorf("got %d %v %s %v", status, header, body, err)
	}
	_ = stuck.conn.Close()
	if held := eventuallyHeld(api, 0); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
	if status, _, body, err := fetch(t, "http://"+listener.Addr().String()+"/long"); err != nil || status != http.StatusOK || len(body) != 100_000 {
		t.Errorf("afterwards: %d, %d bytes, %v", status, len(body), err)
	}
}

// Bodies that are on their way hold a part of the budget too, which grows with what has arrived.
func TestBodiesBeyondTheBudgetAreRefused(t *testing.T) {
	api := testAPI()
	api.Memory.Resize(8 << 20)
	listener := tcpListener(t)
	listen(t, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.limitBody(w, r, 1<<20)
		api.handle(func(w http.ResponseWriter, r *http.Request) error {
			var body struct{ A string }
			if err := decodeBody(r, &body, false); err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, len(body.A))
		}).ServeHTTP(w, r)
	}))
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
	var slow []net.Conn
	for range 16 {
		conn := dial(t, listener.Addr())
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, head+`{"A":`, 9); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	if held := eventuallyHeld(api, 16*bodyCost); held != 16*bodyCost {
		t.Fatalf("%d bytes are held", held)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bodyTimeout/2) // it is told at once, not when its body has not come in time
	defer cancel()
	conn := dial(t, listener.Addr())
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	answer, err := ask(t, conn, fmt.Sprintf(head+`{"A":`, 9))
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 503 ")) || !bytes.Contains(answer, []byte("Retry-After: ")) {
		t.Errorf("%v: %s", err, answer)
	}
	for _, conn := range slow {
		if _, err := io.WriteString(conn, `"b"}`); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 12)
		if _, err := io.ReadFull(conn, buffer); err != nil || string(buffer) != "HTTP/1.1 200" {
			t.Fatalf("%s, %v", buffer, err)
		}
	}
	if held := eventuallyHeld(api, 0); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
	large := `{"A":"` + strings.Repeat("x", 400_000) + `"}` // more than this address may have in memory
	if answer, _ := ask(t, dial(t, listener.Addr()), fmt.Sprintf(head, len(large))+large); !bytes.HasPrefix(answer, []byte("HTTP/1.1 503 ")) {
		t.Errorf("%.300s", answer)
	}
}

// What needs no endpoint goes the way of all other requests: it is as strict with queries, and looks again at who asks.
func TestPermissionsAndKeysGoTheCommonWay(t *testing.T) {
	key, err := token.NewHS256Key(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	api := New(Services{
		Log: slog.New(slog.DiscardHandler), Memory: NewMemory(64 << 20), ClientIP: func(*http.Request) string { return "" }, TokenKeys: ring,
		Trail: noTrail{},
	})
	for path, serve := range map[string]http.HandlerFunc{
		jwksPath:        api.ServeToken,
		permissionsPath: func(w http.ResponseWriter, r *http.Request) { api.execute.ServeHTTP(w, r) },
		"/api/v1/data-api/default/x/jobs/00000000000000000000000000": func(w http.ResponseWriter, r *http.Request) { api.execute.ServeHTTP(w, r) },
	} {
		recorder := httptest.NewRecorder()
		serve(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?fresh=1", nil))
		if recorder.Code != http.StatusBadRequest || !strings.Contains(recorder.Body.String(), "fresh") {
			t.Errorf("%s?fresh=1: %d %s", path, recorder.Code, recorder.Body)
		}
	}
	recorder := httptest.NewRecorder()
	api.ServeToken(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, jwksPath, nil))
	if recorder.Code != http.StatusOK {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

type noTrail struct{}

func (noTrail) Enabled() bool      { return false }
func (noTrail) Record(audit.Event) {}
