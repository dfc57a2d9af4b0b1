package contract

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestParquetIsGatheredForFewReaders: each download of a result as Parquet holds a group of rows in memory for as long as its
// reader likes, so a company has a few of them at once, and all other formats meanwhile.
func TestParquetIsGatheredForFewReaders(t *testing.T) {
	t.Parallel()
	s := newServer(t, servertest.Config{Database: servertest.SQLite(t, t.TempDir(), "CREATE TABLE one (n)"), Files: map[string]string{
		"acme/company.yaml": companyFile,
		"acme/default/noise.sql": "/*---\nsource: main\nmode: async\nlimits: { max_rows: 100000 }\n---*/\n" +
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT i, hex(randomblob(600)) AS noise FROM n",
	}})
	token := s.Login("acme", "integration").Access
	location := s.Execute("noise", token, `{}`).Job()
	s.Await(location, token)
	for range 8 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.Base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "GET "+location+"/result.parquet HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		begun := make([]byte, 12)
		if _, err := io.ReadFull(conn, begun); err != nil || string(begun) != "HTTP/1.1 200" {
			t.Fatalf("%q, %v", begun, err)
		}
	}
	s.Get(location+"/result.parquet", token).Problem(http.StatusServiceUnavailable, "OVERLOADED")
	s.Get(location+"/result.csv", token).Want(http.StatusOK)
}
