package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/klauspost/compress/zstd"
	"github.com/quic-go/quic-go/http3"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// wholeRows are as many as make a result of which a good part is under way before it ends, compressed and through nginx, too.
const (
	wholeRows = 6_000
	lastRow   = wholeRows * 19 / 20 // of a part
	noisy     = "SELECT n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) || md5((n * 17)::text) AS noise"
)

// The ends that a result can have.
var ends = map[string]struct {
	statement string
	whole     bool
}{
	// Each is longer than what is held back before the answer begins.
	"whole":    {fmt.Sprintf(noisy+" FROM generate_series(1, %d) AS n", wholeRows), true},
	"fault":    {fmt.Sprintf(noisy+", 1 / (%d - n) AS fault FROM generate_series(1, %d) AS n", lastRow, wholeRows), false},
	"time-out": {pause(120), false},
}

func pause(seconds int) string {
	return fmt.Sprintf(noisy+", CASE WHEN n = %d THEN length(pg_sleep(%d)::text) END AS pause "+
		"FROM generate_series(1, %d) AS n", lastRow, seconds, wholeRows)
}

const http3Name = "HTTP/3"

// way is how a client reaches the server.
type way struct {
	name   string
	client *http.Client
	base   string
	take   taker // where no client of net/http will do
}

// taker asks for a result and returns what it gets of it, decompressed, and why it does not take that for all of it. It tells
// when it has got a good part.
type taker func(ctx context.Context, path, token string, midst func()) (body []byte, err error)

// TestAPartIsNeverTakenForTheWhole: what docs/formats.md promises, in every format, over every version of HTTP, directly,
// through encode, and behind nginx as Debian configures it, with a plain proxy_pass, which speaks HTTP/1.0. A client that goes
// by its protocol, and then by its format, is never given a part of a result that looks like all of it.
func TestAPartIsNeverTakenForTheWhole(t *testing.T) {
	t.Parallel()
	catalog := map[string]string{"acme/company.yaml": companyFile}
	for name, end := range ends {
		limit := "1m"
		if name == "time-out" {
			limit = "8s" // by then a busy machine, too, has sent what comes before the pause
		}
		catalog["acme/default/"+name+".sql"] = "/*---\nsource: main\nlimits: { timeout: " + limit + ", max_rows: 100000 }\n---*/\n" + end.statement
	}
	catalog["acme/default/pause.sql"] = "/*---\nsource: main\nlimits: { timeout: 4m, max_rows: 100000 }\n---*/\n" + pause(200)
	s := newServer(t, serverConfig{sources: servertest.Postgres(t, "", "").Directive() + " {\n\t\t\tmax_conns 32\n\t\t}", files: catalog})
	secure, encoded := servertest.FreePort(t), servertest.FreePort(t)
	s.reconfigure("http://127.0.0.1:", fmt.Sprintf(`https://127.0.0.1:%d {
	tls internal
	data_api
}

http://127.0.0.1:%d {
	data_api
	encode zstd gzip {
		match {
			header Content-Type *
		}
	}
}

http://127.0.0.1:`, secure, encoded))
	s.reconfigure("protocols h1 h2c", "protocols h1 h2 h2c h3")
	s.reconfigure("auto_https off", "auto_https disable_redirects\n\tskip_install_trust")
	for _, port := range []int{secure, encoded} {
		servertest.AwaitOneListener(port)
	}
	token := s.Login("acme", "integration").Access

	const execute = "/api/v1/data-api/default/"
	ways := waysTo(t, s, secure, encoded)
	t.Run("ends", func(t *testing.T) {
		for _, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				for name, end := range ends {
					var all sync.WaitGroup
					for _, format := range []string{"json", "ndjson", "csv", "arrow"} {
						all.Go(func() {
							body, err := w.take(t.Context(), execute+name+"/execute."+format, token, func() {})
							switch {
							case end.whole && (err != nil || !complete(format, body)):
								t.Errorf("%s as %s: %d bytes, %v", name, format, len(body), err)
							case !end.whole && err == nil:
								t.Errorf("%s as %s: %d bytes pass for all of it; the format knows better: %t", name, format, len(body), !complete(format, body))
							case !end.whole && len(body) < 100_000:
								t.Errorf("%s as %s ended before its midst: %d bytes, %v", name, format, len(body), err)
							}
						})
					}
					all.Wait()
				}
			})
		}
	})

	// The end of the server does not end an answer well either.
	var all, midst sync.WaitGroup
	for _, w := range ways {
		if w.name == http3Name {
			continue // nothing tells it that its server has gone, and it would wait for half a minute
		}
		midst.Add(1)
		all.Go(func() {
			come := sync.OnceFunc(midst.Done)
			defer come() // nobody waits for an answer that has ended before its midst
			if body, err := w.take(t.Context(), execute+"pause/execute.csv", token, come); err == nil {
				t.Errorf("%s: the server was killed, and %d bytes pass for all of it", w.name, len(body))
			}
		})
	}
	midst.Wait()
	s.kill()
	all.Wait()
}

// waysTo are all ways to the server: plain, by TLS, and through encode.
func waysTo(t *testing.T, s *server, secure, encoded int) []way {
	t.Helper()
	trusting := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	h2c, h2 := new(http.Protocols), new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	h2.SetHTTP2(true)
	h3 := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(func() { _ = h3.Close() })
	plain, https := fmt.Sprintf("127.0.0.1:%d", s.port), fmt.Sprintf("127.0.0.1:%d", secure)
	compressing := fmt.Sprintf("127.0.0.1:%d", encoded)
	tcp := func(address string) func() (net.Conn, error) {
		return func() (net.Conn, error) { return (&net.Dialer{}).DialContext(t.Context(), "tcp", address) }
	}
	byTLS := func() (net.Conn, error) {
		return (&tls.Dialer{Config: trusting}).DialContext(t.Context(), "tcp", https)
	}
	proxied, compressed := nginxBefore(t, plain), nginxBefore(t, compressing)

	ways := []way{
		{name: "HTTP/1.0", take: takeHTTP10(tcp(plain), "")},
		{name: "HTTP/1.0 over TLS", take: takeHTTP10(byTLS, "")},
		{name: "HTTP/1.1", client: &http.Client{Transport: &http.Transport{DisableCompression: true}}, base: "http://" + plain},
		{name: "HTTP/1.1 over TLS", client: &http.Client{Transport: &http.Transport{TLSClientConfig: trusting, DisableCompression: true}}, base: "https://" + https},
		{name: "HTTP/2 without TLS", client: &http.Client{Transport: &http.Transport{Protocols: h2c, DisableCompression: true}}, base: "http://" + plain},
		{name: "HTTP/2", client: &http.Client{Transport: &http.Transport{
			Protocols: h2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true,
		}}, base: "https://" + https},
		{name: http3Name, client: &http.Client{Transport: h3}, base: "https://" + https},
		{name: "nginx", client: &http.Client{Transport: &http.Transport{DisableCompression: true}}, base: "http://" + proxied},
	}
	for _, coding := range []string{"gzip", "zstd"} {
		for _, version := range []struct {
			name   string
			client *http.Client
			base   string
		}{
			{"HTTP/1.1", &http.Client{Transport: &http.Transport{}}, "http://" + compressing},
			{"HTTP/2", &http.Client{Transport: &http.Transport{Protocols: h2c}}, "http://" + compressing},
			{"nginx", &http.Client{Transport: &http.Transport{}}, "http://" + compressed},
		} {
			ways = append(ways, way{
				name: version.name + " and " + coding, client: &http.Client{Transport: accepting{version.client.Transport, coding}}, base: version.base,
			})
		}
		ways = append(ways, way{name: "HTTP/1.0 and " + coding, take: takeHTTP10(tcp(compressing), coding)})
	}
	for i, w := range ways {
		if w.take == nil {
			ways[i].take = takeWith(w.client, w.base)
		}
	}
	return ways
}

// accepting asks for a content coding, and leaves what comes as it is.
type accepting struct {
	http.RoundTripper
	coding string
}

func (a accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Accept-Encoding", a.coding)
	return a.RoundTripper.RoundTrip(r)
}

func takeWith(client *http.Client, base string) taker {
	return func(ctx context.Context, path, token string, midst func()) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, strings.NewReader("{}"))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("got %d", response.StatusCode)
		}
		body, err := readAll(response.Body, midst)
		if err != nil {
			return body, err
		}
		return decoded(response.Header.Get("Content-Encoding"), body)
	}
}

// readAll tells when there is a good part, but not yet all.
func readAll(r io.Reader, midst func()) ([]byte, error) {
	var body bytes.Buffer
	_, err := io.CopyN(&body, r, 100_000)
	midst()
	if err == nil {
		_, err = body.ReadFrom(r)
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return body.Bytes(), err
}

// takeHTTP10 is a client of HTTP/1.0: the answer ends where the connection does.
func takeHTTP10(dial func() (net.Conn, error), accept string) taker {
	return func(_ context.Context, path, token string, midst func()) ([]byte, error) {
		conn, err := dial()
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"Accept-Encoding: %s\r\nContent-Length: 2\r\n\r\n{}", path, token, accept)
		if err != nil {
			return nil, err
		}
		answer, err := readAll(conn, midst)
		head, body, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
		_, rest, _ := strings.Cut(string(head), "\r\nContent-Encoding: ")
		coding, _, _ := strings.Cut(rest, "\r\n")
		if !bytes.HasPrefix(head, []byte("HTTP/1.0 200 ")) || bytes.Contains(head, []byte("\r\nTrailer:")) || coding != accept {
			return nil, fmt.Errorf("the answer to HTTP/1.0 begins with %s", head)
		}
		if err != nil {
			return body, err
		}
		return decoded(coding, body)
	}
}

func decoded(coding string, body []byte) ([]byte, error) {
	switch coding {
	case "":
		return body, nil
	case "gzip":
		reader, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	default:
		reader, err := zstd.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		return io.ReadAll(reader)
	}
}

// complete reports whether a body has all rows.
func complete(format string, body []byte) bool {
	switch format {
	case "json":
		var document struct {
			Rows []json.RawMessage `json:"rows"`
		}
		return json.Unmarshal(body, &document) == nil && len(document.Rows) == wholeRows
	case "arrow":
		reader, err := ipc.NewReader(bytes.NewReader(body))
		if err != nil {
			return false
		}
		defer reader.Release()
		rows := int64(0)
		for reader.Next() {
			rows += reader.RecordBatch().NumRows()
		}
		return reader.Err() == nil && rows == wholeRows
	case "csv":
		return bytes.Count(body, []byte("\r\n")) == wholeRows+1
	default:
		return bytes.Count(body, []byte("\n")) == wholeRows
	}
}

// nginxBefore runs nginx before a server, with its own settings but for the address, and returns its address.
func nginxBefore(t *testing.T, upstream string) string {
	t.Helper()
	program, err := pgtest.FindProgram("nginx")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", servertest.FreePort(t))
	configuration := filepath.Join(dir, "nginx.conf")
	content := fmt.Sprintf(`pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
		}
	}
}
`, dir, address, upstream)
	if err := os.WriteFile(configuration, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-c", configuration, "-p", dir, "-g", "daemon off;")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var output servertest.Log
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	eventually(t, "nginx listens", patience, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return address
}
