package respond

import (
	"context"
	"net"
	"net/http"
	"reflect"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
)

type connKey struct{}

// WithConn remembers the connection that requests come on: it is for a server's ConnContext. An answer over HTTP/1.0 can
// only be broken off with its help.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	if ctx.Value(connKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, conn)
}

// connOf returns the TCP connection below that of a request; nil: it is not known, or there is none.
func connOf(r *http.Request) *net.TCPConn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	const layers = 8
	for range layers {
		switch outer := conn.(type) {
		case nil:
			return nil
		case *net.TCPConn:
			return outer
		case interface{ NetConn() net.Conn }: // crypto/tls
			conn = outer.NetConn()
		case interface{ Raw() net.Conn }: // the PROXY protocol
			conn = outer.Raw()
		default:
			conn = embedded(conn)
		}
	}
	return nil
}

// embedded returns the connection that another one wraps by embedding it, as Caddy's do.
func embedded(conn net.Conn) net.Conn {
	outer := reflect.Indirect(reflect.ValueOf(conn))
	if outer.Kind() != reflect.Struct {
		return nil
	}
	field := outer.FieldByName("Conn")
	if !field.IsValid() || !field.CanInterface() {
		return nil
	}
	inner, _ := reflect.TypeAssert[net.Conn](field)
	return inner
}

// resetConn is a connection that is reset when it is closed, whichever closes it: the handler, the server that stops, or the system
// after a process that was killed. HTTP/1.0 has no other way to say that an answer of unknown length is not all there.
type resetConn struct {
	conn *net.TCPConn // nil: it is closed as any other
}

func (c *resetConn) arm(conn *net.TCPConn) bool {
	if conn == nil || conn.SetLinger(0) != nil {
		return false
	}
	c.conn = conn
	return true
}

func (c *resetConn) disarm() {
	if c.conn != nil {
		_ = c.conn.SetLinger(-1)
		c.conn = nil
	}
}

var errHTTP10 = &dataapi.Error{
	Code: dataapi.CodeHTTPVersion,
	Detail: "Over HTTP/1.0, on a connection such as this, a part of a long result could be taken for all of it. Use HTTP/1.1 or later; " +
		"a proxy may have to be told so, as nginx is by `proxy_http_version 1.1;`.",
}

// guard makes sure that an answer which ends badly will look so. HTTP/1.1 and later see to it themselves.
func (a *Answer) guard() error {
	if a.request.ProtoAtLeast(1, 1) || a.http10.arm(connOf(a.request)) {
		return nil
	}
	header := a.Header()
	if header.Get("Content-Length") != "" || a.request.Method == http.MethodHead || header.Get("Content-Type") == fields.EventStreamType {
		return nil // which say themselves where they end
	}
	return errHTTP10
}

// breakOff breaks the connection below an answer of HTTP/1. A handler between, such as an encoder, cannot end its
// stream properly then. The streams of later protocols are reset by the server when the handler panics.
func (a *Answer) breakOff() {
	if a.request.ProtoMajor != 1 {
		return
	}
	below := connOf(a.request)
	_ = a.controller.SetWriteDeadline(longAgo) // nobody waits for what is buffered
	conn, _, err := a.controller.Hijack()
	if err != nil {
		return
	}
	if below != nil {
		_ = below.SetLinger(0)
		_ = below.Close() // without the farewell of TLS
	}
	_ = conn.Close()
}
