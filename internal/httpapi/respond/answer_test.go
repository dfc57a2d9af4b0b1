package respond

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/wiretest"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(12) // they wait for readers
	os.Exit(m.Run())
}

// testResponder makes a responder that has what answers need.
func testResponder() *Responder {
	return New(Options{
		Recorder: &Recorder{ClientIP: func(*http.Request) string { return "192.0.2.1" }, Meter: observe.Unmetered{}},
		Memory:   NewMemory(64 << 20), Log: slog.New(slog.DiscardHandler),
	})
}

// handle makes a route of a handler.
func handle(responder *Responder, h Handler) http.Handler { return &route{responder, h} }

func listen(t *testing.T, listener net.Listener, h http.Handler) {
	t.Helper()
	wiretest.Serve(t, listener, h, WithConn)
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
	t.Parallel()
	responder := testResponder()
	mux := http.NewServeMux()
	for path, h := range map[string]Handler{
		"/whole": func(w http.ResponseWriter, _ *http.Request) error { return half(w) },
		"/error": func(w http.ResponseWriter, _ *http.Request) error { return errors.Join(half(w), errMidst) },
		"/panic": func(w http.ResponseWriter, _ *http.Request) error {
			_ = half(w)
			panic(http.ErrAbortHandler) // as any other panic does, without a trace in the test's output
		},
		"/small": func(w http.ResponseWriter, _ *http.Request) error { return WriteJSON(w, http.StatusOK, "small") },
		"/refused": func(http.ResponseWriter, *http.Request) error {
			return &dataapi.Error{Code: dataapi.CodeNotFound}
		},
	} {
		mux.Handle(path, handle(responder, h))
	}
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()

	for name, open := range map[string]func(t *testing.T) net.Conn{
		"plain": func(t *testing.T) net.Conn {
			listener := wiretest.Listen(t)
			listen(t, listener, mux)
			return wiretest.Dial(t, listener.Addr())
		},
		"embedded": func(t *testing.T) net.Conn {
			listener := wiretest.Listen(t)
			listen(t, embeddingListener{listener}, mux)
			return wiretest.Dial(t, listener.Addr())
		},
		"tls": func(t *testing.T) net.Conn {
			listener := wiretest.Listen(t)
			listen(t, tls.NewListener(listener, &tls.Config{Certificates: certificate.TLS.Certificates}), mux)
			return tls.Client(wiretest.Dial(t, listener.Addr()), &tls.Config{InsecureSkipVerify: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			for path, whole := range map[string]bool{"/whole": true, "/small": true, "/refused": true, "/error": false, "/panic": false} {
				answer, err := wiretest.Ask(t, open(t), "GET "+path+" HTTP/1.0\r\n\r\n")
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
	t.Parallel()
	responder := testResponder()
	listener := wiretest.Listen(t)
	listen(t, listener, handle(responder, func(w http.ResponseWriter, _ *http.Request) error { return WriteJSON(w, http.StatusOK, "small") }))
	request := "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	answer, err := wiretest.Ask(t, wiretest.Dial(t, listener.Addr()), request+request+"GET / HTTP/1.0\r\n\r\n")
	if err != nil || bytes.Count(answer, []byte("200 OK")) != 3 {
		t.Errorf("%v: %s", err, answer)
	}
}

// Where a connection cannot be reset, an answer of unknown length is refused before it begins.
func TestHTTP10WithoutResetRefusesLongAnswers(t *testing.T) {
	t.Parallel()
	responder := testResponder()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/long", handle(responder, func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
	mux.Handle("/known", handle(responder, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "100000")
		return half(w)
	}))
	listen(t, listener, mux)
	answer, err := wiretest.Ask(t, wiretest.Dial(t, listener.Addr()), "GET /long HTTP/1.0\r\n\r\n")
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.0 505 ")) || !bytes.Contains(answer, []byte("HTTP_VERSION_NOT_SUPPORTED")) {
		t.Errorf("%v: %.300s", err, answer)
	}
	if answer, err := wiretest.Ask(t, wiretest.Dial(t, listener.Addr()), "GET /known HTTP/1.0\r\n\r\n"); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.0 200 ")) {
		t.Errorf("%v: %.300s", err, answer)
	}
	answer, _ = wiretest.Ask(t, wiretest.Dial(t, listener.Addr()), "GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer, []byte("0\r\n\r\n")) {
		t.Errorf("%.300s", answer)
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
	t.Parallel()
	responder := testResponder()
	responder.watch.stall, responder.watch.blind = time.Second, time.Second // in which a busy machine, too, writes what its reader takes
	const pause = 2500 * time.Millisecond
	listener := wiretest.Listen(t)
	listen(t, listener, handle(responder, func(w http.ResponseWriter, _ *http.Request) error {
		for range 2 {
			if err := half(w); err != nil {
				return err
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
		return half(w)
	}))
	for name, client := range map[string]*http.Client{"HTTP1": http.DefaultClient, "HTTP2": h2Client(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := client.Get("http://" + listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || len(body) != 300_000 {
				t.Errorf("%d bytes, %v", len(body), err)
			}
		})
	}
}

// A reader who takes a little at a time is not given up, also where the answer says how long it is and comes in small pieces. The system
// keeps no more than a bound of it meanwhile.
func TestSlowReadersAreServed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/known", "/unknown"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			const size, piece = 8 << 20, 32 << 10
			responder := testResponder()
			responder.watch.stall, responder.watch.blind = 2*time.Second, 2*time.Second // in which a busy machine, too, lets the reader take something
			listener := wiretest.Listen(t)
			var sent atomic.Int64
			gaveUp := make(chan error, 1)
			listen(t, listener, handle(responder, func(w http.ResponseWriter, r *http.Request) error {
				if r.URL.Path == "/known" {
					w.Header().Set("Content-Length", strconv.Itoa(size))
				}
				for range size / piece {
					n, err := w.Write(make([]byte, piece))
					if sent.Add(int64(n)); err != nil {
						gaveUp <- err
						return err
					}
				}
				return nil
			}))
			conn := wiretest.Dial(t, listener.Addr())
			defer conn.Close()
			if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			var taken int64
			for begun := time.Now(); time.Since(begun) < 3*responder.watch.stall; time.Sleep(50 * time.Millisecond) {
				n, err := io.CopyN(io.Discard, conn, 2048)
				if taken += n; err != nil {
					t.Fatalf("after %d bytes: %v", taken, err)
				}
			}
			select {
			case err := <-gaveUp:
				t.Errorf("the server has sent %d bytes, and gave up: %v", sent.Load(), err)
			default:
			}
			if waiting := sent.Load() - taken; runtime.GOOS == "linux" && waiting > 1<<20 {
				t.Errorf("the system holds %d bytes for a reader who has taken %d", waiting, taken)
			}
		})
	}
}
