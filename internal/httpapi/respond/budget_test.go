package respond

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/solucao42/caddy-data-api/internal/httpapi/wiretest"
)

// rawH2 is a client of HTTP/2 that gives its streams no window, or gives it as it likes.
type rawH2 struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
}

func newRawH2(t *testing.T, address net.Addr, window uint32) *rawH2 {
	t.Helper()
	conn := wiretest.Dial(t, address)
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
	t.Parallel()
	for _, path := range []string{"/long", "/short", "/events"} {
		t.Run("HTTP2"+path, func(t *testing.T) {
			t.Parallel()
			responder := testResponder()
			responder.watch.stall = 400 * time.Millisecond
			mux := http.NewServeMux()
			mux.Handle("/long", handle(responder, func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
			mux.Handle("/short", handle(responder, func(w http.ResponseWriter, _ *http.Request) error { return WriteJSON(w, http.StatusOK, "short") }))
			mux.Handle("/events", handle(responder, func(w http.ResponseWriter, _ *http.Request) error {
				for {
					_, err := io.WriteString(w, "event: progress\ndata: {}\n\n")
					if err := errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
						return err
					}
				}
			}))
			listener := wiretest.Listen(t)
			listen(t, listener, mux)
			stuck := newRawH2(t, listener.Addr(), 0)
			stuck.get(1, path)
			if reset, err := stuck.end(1, nil); err != nil || !reset {
				t.Errorf("a stream without a window ends with %v, and a reset: %t", err, reset)
			}
			if held := eventuallyHeld(responder, 0); held != 0 {
				t.Errorf("%d bytes of the budget are held by nobody", held)
			}
		})
	}
	t.Run("slow HTTP2", func(t *testing.T) {
		t.Parallel()
		responder := testResponder()
		responder.watch.stall = 4 * time.Second // far longer than the reader pauses, on a busy machine, too
		listener := wiretest.Listen(t)
		listen(t, listener, handle(responder, func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
		slow := newRawH2(t, listener.Addr(), 10_000)
		slow.get(1, "/")
		got := 0
		reset, err := slow.end(1, func(length int) {
			got += length
			time.Sleep(time.Duration(length) * 80 * time.Microsecond) // 100,000 bytes in 8 s
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
			t.Parallel()
			responder := testResponder()
			responder.watch.stall = 2 * time.Second
			ended := make(chan error, 1)
			listener := wiretest.Listen(t)
			listen(t, listener, handle(responder, func(w http.ResponseWriter, _ *http.Request) error {
				// One write that its reader takes 6 s for.
				_, err := w.Write(make([]byte, 12<<20))
				ended <- err
				return err
			}))
			conn := wiretest.Dial(t, listener.Addr())
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
			case <-time.After(time.Minute):
				t.Error("nobody ends a reader that takes nothing")
			}
		})
	}
}

// eventuallyHeld waits until so much of the budgets is held, and returns what is held then.
func eventuallyHeld(responder *Responder, want int64) (held int64) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		held = responder.memory.callers.Held() + responder.memory.strangers.Held()
		if held == want || time.Now().After(deadline) {
			return held
		}
	}
}

// A client that reads slowly holds a part of the budget, and when there is none left others are refused, not begun.
func TestAnswersBeyondTheBudgetAreRefused(t *testing.T) {
	t.Parallel()
	responder := testResponder()
	responder.memory.Resize(8 << 20) // and 1 MiB for strangers, half of which one address may hold
	listener := wiretest.Listen(t)
	mux := http.NewServeMux()
	mux.Handle("/long", handle(responder, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Trailer", "X-Data-Api-Row-Count")
		return half(w)
	}))
	listen(t, listener, mux)
	stuck := newRawH2(t, listener.Addr(), 0)
	for i := range uint32(20) {
		stuck.get(2*i+1, "/long")
	}
	const each = answerCost + smallAnswer
	if held := eventuallyHeld(responder, 5*each); held != 5*each {
		t.Fatalf("%d bytes are held", held)
	}
	status, header, body, err := wiretest.Fetch(t, "http://"+listener.Addr().String()+"/long")
	if err != nil || status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !bytes.Contains(body, []byte("OVERLOADED")) ||
		header.Get("Trailer") != "" {
		t.Errorf("got %d %v %s %v", status, header, body, err)
	}
	_ = stuck.conn.Close()
	if held := eventuallyHeld(responder, 0); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
	if status, _, body, err := wiretest.Fetch(t, "http://"+listener.Addr().String()+"/long"); err != nil || status != http.StatusOK || len(body) != 100_000 {
		t.Errorf("afterwards: %d, %d bytes, %v", status, len(body), err)
	}
}

// Bodies that are on their way hold a part of the budget too, which grows with what has arrived.
func TestBodiesBeyondTheBudgetAreRefused(t *testing.T) { // alone, since its bodies have their time
	responder := testResponder()
	responder.memory.Resize(8 << 20)
	listener := wiretest.Listen(t)
	listen(t, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		responder.limitBody(w, r, 1<<20, new(timedBody))
		handle(responder, func(w http.ResponseWriter, r *http.Request) error {
			var body struct{ A string }
			if err := DecodeBody(r, &body, false); err != nil {
				return err
			}
			return WriteJSON(w, http.StatusOK, len(body.A))
		}).ServeHTTP(w, r)
	}))
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
	var slow []net.Conn
	for range 16 {
		conn := wiretest.Dial(t, listener.Addr())
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, head+`{"A":`, 9); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	if held := eventuallyHeld(responder, 16*bodyCost); held != 16*bodyCost {
		t.Fatalf("%d bytes are held", held)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bodyTimeout/2) // it is told at once, not when its body has not come in time
	defer cancel()
	conn := wiretest.Dial(t, listener.Addr())
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	answer, err := wiretest.Ask(t, conn, fmt.Sprintf(head+`{"A":`, 9))
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
	if held := eventuallyHeld(responder, 0); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
	large := `{"A":"` + strings.Repeat("x", 400_000) + `"}` // more than this address may have in memory
	if answer, _ := wiretest.Ask(t, wiretest.Dial(t, listener.Addr()), fmt.Sprintf(head, len(large))+large); !bytes.HasPrefix(answer, []byte("HTTP/1.1 503 ")) {
		t.Errorf("%.300s", answer)
	}
}

// Refusals that nobody takes are bounded as well: beyond that, streams are reset at once.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	responder := testResponder()
	responder.memory.Resize(2 << 20) // of which refusals have half a MiB, and one address half of that
	listener := wiretest.Listen(t)
	listen(t, listener, handle(responder, func(w http.ResponseWriter, _ *http.Request) error { return half(w) }))
	stuck := newRawH2(t, listener.Addr(), 0)
	const streams = 60
	for i := range uint32(streams) {
		stuck.get(2*i+1, "/")
	}
	begun := time.Now()
	refused, reset := 0, 0
	_ = stuck.conn.SetReadDeadline(time.Now().Add(60 * time.Second))
	for reset < streams-1-8 { // one answer is stuck, and so are eight refusals
		frame, err := stuck.framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame.(type) {
		case *http2.HeadersFrame:
			refused++
		case *http2.RSTStreamFrame:
			reset++
		}
	}
	t.Logf("after %s: %d headers, %d resets", time.Since(begun), refused, reset)
	if refused > 1+8+8 {
		t.Errorf("%d answers have begun", refused)
	}
	if held := eventuallyHeld(responder, 0); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
}
