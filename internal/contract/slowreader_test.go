package contract

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestSlowReaderLosesItsPlace: a client that does not read holds a place on the source as long as the endpoint's time limit lasts,
// and not for as long as its connection may stall.
func TestSlowReaderLosesItsPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newServer(t, servertest.Config{Database: servertest.SQLite(t, dir, "CREATE TABLE one (n)").Conns(1), Files: map[string]string{
		"acme/company.yaml": companyFile,
		"acme/default/long.sql": "/*---\nsource: main\nlimits: { timeout: 5s, max_rows: 1000000 }\nparams: { rows: { type: integer, default: 1000000 } }\n---*/\n" +
			engines[0].Series,
		"acme/default/short.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
	}})
	token := s.Login("acme", "integration").Access
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.Base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	control := s.Control()
	asked := time.Now()
	_, err = io.WriteString(conn, "POST /api/v1/data-api/default/long/execute HTTP/1.1\r\nHost: 127.0.0.1\r\n"+
		"Authorization: Bearer "+token+"\r\nContent-Length: 0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	begun := make([]byte, 12)
	if _, err := io.ReadFull(conn, begun); err != nil || string(begun) != "HTTP/1.1 200" {
		t.Fatalf("%q, %v", begun, err)
	}
	// Until then the place is taken.
	if short := s.Execute("short", token, `{}`); short.Status != http.StatusOK {
		short.Problem(http.StatusServiceUnavailable, "OVERLOADED")
	} else if held := time.Since(asked); held < 5*time.Second {
		t.Errorf("the place came free after %s", held)
	}
	eventually(t, "the place is free", patience, func() bool { return s.Execute("short", token, `{}`).Status == http.StatusOK })
	control.Within("the end of a reader that does not read", time.Since(asked), 17*time.Second)
}
