package wiretest

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Listen opens a TCP listener on the loopback interface.
func Listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// Serve serves a handler on a listener as Caddy does, HTTP/2 without TLS included, until the test ends.
func Serve(t *testing.T, listener net.Listener, h http.Handler, connContext func(context.Context, net.Conn) context.Context) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	server := &http.Server{Handler: h, Protocols: protocols, ConnContext: connContext, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}

// Dial opens a connection to an address.
func Dial(t *testing.T, address net.Addr) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), address.Network(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Ask sends a request in plain text and returns all that comes until the connection ends, and how it ends: nil is an end
// that HTTP/1.0 takes for the end of the answer.
func Ask(t *testing.T, conn net.Conn, request string) (answer []byte, err error) {
	t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(conn)
}

// Fetch gets a URL with header fields, each a name and a value.
func Fetch(t *testing.T, url string, headers ...string) (status int, header http.Header, body []byte, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}
