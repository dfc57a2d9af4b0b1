package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	randv2 "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lingering is how long a connection may be used on after the configuration that accepted it was replaced.
const lingering = 15 * time.Second

// settingChanges are the settings that reloads change, one at a time: what is in the Caddyfile, and what replaces it.
// The store is not among them: another one has other keys.
func settingChanges(s *server) [][2]string {
	in := func(block, option string) [2]string {
		return [2]string{"\t" + block + " {\n", "\t" + block + " {\n\t\t\t" + option + "\n"}
	}
	copied := filepath.Join(s.Dir, "copied")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(s.Dir, "catalog"))); err != nil {
		s.T.Fatal(err)
	}
	keySet := filepath.Join(s.Dir, "keys.json")
	if err := os.WriteFile(keySet, []byte(`{"keys": []}`), 0o600); err != nil {
		s.T.Fatal(err)
	}
	return [][2]string{
		{"grace_period 10s", "grace_period 11s"},
		{"catalog " + filepath.Join(s.Dir, "catalog"), "catalog " + copied},
		{"\tstore bbolt", "\tsource further sqlite " + filepath.Join(s.Dir, "further.db") + "\n\tstore bbolt"},
		{"max_conns 8", "max_conns 9"},
		in("tokens", "issuer https://api.example"),
		in("tokens", "audience https://api.example"),
		in("tokens", "access_ttl 11m"),
		in("tokens", "refresh_ttl 24h"),
		in("tokens", "algorithm ES256"),
		in("tokens", "hs256_secret a-secret-that-has-more-than-32-bytes"),
		in("tokens", "throttle off"),
		in("tokens", "trust idp {\nissuer https://idp.example\naudience api\njwks "+keySet+"\ncompany acme\n}"),
		in("jobs", "workers 5"),
		in("jobs", "per_company 2"),
		in("jobs", "waiting_callers 10"),
		in("jobs", "quota 1GiB"),
		in("jobs", "retention 25h"),
		in("callbacks", "allow 127.0.0.1:1"),
		in("cache", "size 32MiB"),
		in("cache", "max_result 2MiB"),
		in("audit", "parameters"),
		{"max_body 256KiB", "max_body 255KiB"},
		{"docs /docs", "docs off"},
	}
}

// reloadSite is the Caddyfile of the reload tests: each option that is here can be changed, the blocks take others. The
// socket is inherited, since Linux resets some new connections when Caddy closes one of its own: see docs/operations.md.
func reloadSite(s *server, port int, source string) string {
	return fmt.Sprintf(`{
	admin unix/%s
	grace_period 10s
	auto_https off
	servers fd/3 {
		protocols h1 h2
	}
	data_api {
		catalog %s
		store bbolt %s
		%s {
			max_conns 8
		}
		tokens {
		}
		jobs {
		}
		callbacks {
		}
		cache {
		}
		audit {
		}
	}
}

(api) {
	data_api {
		max_body 256KiB
		docs /docs
	}
}
http://127.0.0.1:%d {
	import api
}
https://127.0.0.1:%d {
	bind fd/3
	tls %s %s
	import api
}
`, s.adminSocket(), filepath.Join(s.Dir, "catalog"), filepath.Join(s.Dir, "data-api.db"), source, s.port, port,
		filepath.Join(s.Dir, "cert.pem"), filepath.Join(s.Dir, "key.pem"))
}

// listen returns a socket for a server to inherit, and its port.
func listen(t *testing.T) (socket *os.File, port int) {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err = listener.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket, listener.Addr().(*net.TCPAddr).Port
}

// certify writes a certificate for 127.0.0.1 and its key where reloadSite looks for them, and returns who trusts it.
func certify(s *server) *x509.CertPool {
	s.T.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.T.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	certificate, certifying := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, marshalling := x509.MarshalPKCS8PrivateKey(key)
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	err = errors.Join(certifying, marshalling,
		os.WriteFile(filepath.Join(s.Dir, "cert.pem"), encoded, 0o600),
		os.WriteFile(filepath.Join(s.Dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	if err != nil {
		s.T.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(encoded)
	return trusted
}

// reloadLoad is what callers do meanwhile, over HTTPS and HTTP/2: a server that retires says so in advance there. HTTP/1.1
// has no such word, and a request that arrives as its connection is closed is lost, whichever handler it was for.
type reloadLoad struct {
	s       *server
	port    int
	trusted *x509.CertPool
	key     credentials
	opened  sync.Map // when connections were, by *tls.Conn

	entering sync.Mutex // held while a token is fetched, so that none comes late and takes a newer one's place

	mu       sync.Mutex
	access   string
	reloads  []reloaded
	requests map[string]int
	logins   int
	longest  time.Duration // that a connection was used after its configuration was replaced
	lastOld  time.Time     // when such a connection was used last
	failures []string
	jobs     []string
}

// reloaded is a reload that was accepted: connections from before it began belong to what it has replaced when it ends.
type reloaded struct{ began, ended time.Time }

func (l *reloadLoad) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// rest is between two requests of a caller: many callers, and not much work, are what meets a reload.
const rest = 5 * time.Millisecond

func atOnce() time.Duration { return 0 }

// client returns one whose TLS handshakes begin this long after their connections were accepted.
func (l *reloadLoad) client(delay func() time.Duration) *http.Client {
	config := &tls.Config{RootCAs: l.trusted, ServerName: "127.0.0.1", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			opened := time.Now()
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			time.Sleep(delay())
			secure := tls.Client(conn, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				return nil, errors.Join(fmt.Errorf("the handshake, %s after the connection: %w", time.Since(opened), err), conn.Close())
			}
			l.opened.Store(secure, opened)
			return secure, nil
		},
	}}
}

// post sends a request, with a new token where the settings of tokens have changed.
func (l *reloadLoad) post(client *http.Client, path, body string) (answer, error) {
	for attempt := 0; ; attempt++ {
		l.mu.Lock()
		access := l.access
		l.mu.Unlock()
		got, err := l.send(client, path, access, body)
		// The token may be one of a configuration that was replaced meanwhile: where handshakes are late, several are.
		if err != nil || got.Status != http.StatusUnauthorized || attempt == 10 {
			return got, err
		}
		if err := l.login(access); err != nil {
			return answer{}, err
		}
	}
}

func (l *reloadLoad) send(client *http.Client, path, access, body string) (answer, error) {
	var opened time.Time
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			when, _ := l.opened.Load(info.Conn)
			opened, _ = when.(time.Time)
		},
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("https://127.0.0.1:%d%s", l.port, path), strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if access != "" {
		request.Header.Set("Authorization", "Bearer "+access)
	}
	begun := time.Now()
	got, err := l.s.DoWith(client, request)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, replaced := range slices.Backward(l.reloads) {
		if opened.IsZero() || replaced.began.Before(opened) {
			break
		}
		if begun.After(replaced.ended) {
			l.longest, l.lastOld = max(l.longest, begun.Sub(replaced.ended)), begun
		}
	}
	return got, err
}

// login gets a token in place of one that is refused, unless another caller has done so.
func (l *reloadLoad) login(refused string) error {
	l.entering.Lock()
	defer l.entering.Unlock()
	l.mu.Lock()
	done := l.access != refused
	l.mu.Unlock()
	if done {
		return nil
	}
	body := fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, l.key.Key, l.key.Secret)
	client := l.client(atOnce)
	defer client.CloseIdleConnections()
	got, err := l.send(client, "/api/v1/auth/api-key", "", body)
	if err != nil || got.Status != http.StatusOK {
		return fmt.Errorf("login: %d %s %w", got.Status, got.Body, err)
	}
	var pair tokens
	if err := json.Unmarshal(got.Body, &pair); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.access = pair.Access
	l.logins++
	return nil
}

// sync asks a sync endpoint, and async begins a job.
func (l *reloadLoad) sync(client *http.Client, kind string) {
	got, err := l.post(client, "/api/v1/data-api/default/vendas-por-regiao/execute", `{"parameter_values":{"data_inicio":"2026-01-01"}}`)
	if err != nil || got.Status != http.StatusOK || !json.Valid(got.Body) {
		l.fail("%s: %d %s %v", kind, got.Status, got.Body, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests[kind]++
}

func (l *reloadLoad) async(client *http.Client) {
	got, err := l.post(client, "/api/v1/data-api/default/relatorio-mensal/execute", `{"parameter_values":{"mes":"2026-01"}}`)
	if err != nil || got.Status != http.StatusAccepted {
		l.fail("async: %d %s %v", got.Status, got.Body, err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs = append(l.jobs, got.Header.Get("Location"))
}

var kindsOfLoad = [...]string{"kept connections", "new connections", "late handshakes", "late handshakes, kept connections"}

// run keeps the load up until ctx ends: callers who keep their connections, callers who open one for each request, and
// callers whose handshakes take so long that a reload comes between.
func (l *reloadLoad) run(ctx context.Context) {
	late := func() time.Duration { return randv2.N(3 * reloadEvery) }
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			client := l.client(atOnce)
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				l.sync(client, kindsOfLoad[0])
				time.Sleep(rest)
			}
		})
	}
	for kind, delay := range map[string]func() time.Duration{kindsOfLoad[1]: atOnce, kindsOfLoad[2]: late} {
		for range 4 {
			callers.Go(func() {
				for ctx.Err() == nil {
					client := l.client(delay)
					l.sync(client, kind)
					client.CloseIdleConnections()
					time.Sleep(2 * rest)
				}
			})
		}
	}
	for range 3 { // connections with a late handshake that are then used until the server ends them
		callers.Go(func() {
			for ctx.Err() == nil {
				dials := 0
				client := l.client(func() time.Duration { dials++; return late() })
				for ctx.Err() == nil && dials < 2 {
					l.sync(client, kindsOfLoad[3])
					time.Sleep(rest)
				}
				client.CloseIdleConnections()
			}
		})
	}
	callers.Go(func() {
		client := l.client(atOnce)
		defer client.CloseIdleConnections()
		for ctx.Err() == nil {
			l.async(client)
			time.Sleep(2 * rest)
		}
	})
	callers.Wait()
}

// reloadUnderLoad changes every setting in turn under constant sync and async load over connections old and new. No request
// fails, no job is lost, none ends twice, and no connection is used on with a configuration that was replaced. Before every
// rejectEvery-th change it is refused once; 0: never.
func reloadUnderLoad(t *testing.T, reloads, rejectEvery int) {
	e := engines[0]
	source := e.Source(t, t.TempDir(), sales).Directive()
	socket, port := listen(t)
	s := newServer(t, serverConfig{sources: source, files: files(e), sockets: []*os.File{socket}})
	l := &reloadLoad{s: s, port: port, trusted: certify(s), key: s.CreateKey("acme", "integration"), requests: make(map[string]int)}
	good := reloadSite(s, l.port, source)
	if err := s.load(good); err != nil {
		t.Fatal(err)
	}
	l.access = s.Exchange("acme", l.key).Access

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	control := s.Control()
	changes := settingChanges(s)
	rejected := 0
	accepted := 0
	for i := 0; accepted < reloads; i++ {
		begun := time.Now()
		change := changes[accepted%len(changes)]
		content := strings.Replace(good, change[0], change[1], 1)
		if content == good {
			t.Fatalf("the Caddyfile has no %q", change[0])
		}
		bad := rejectEvery > 0 && i%rejectEvery == 0 // and the same change comes next, and is accepted
		if bad {
			// It is provisioned, started in part, and refused.
			content += fmt.Sprintf("\nhttp://127.0.0.1:%d {\n\tbind unix/%s/no/such/directory/x.sock\n\trespond x\n}\n", s.port+1, s.Dir)
		}
		err := s.load(content)
		switch {
		case bad && err == nil:
			t.Fatalf("reload %d should have been rejected", i)
		case !bad && err != nil:
			t.Fatalf("reload %d, to %q: %v", i, change[1], err)
		case bad:
			rejected++
		default:
			accepted++
			l.mu.Lock()
			l.reloads = append(l.reloads, reloaded{begun, time.Now()})
			l.mu.Unlock()
		}
		time.Sleep(reloadEvery - min(reloadEvery, time.Since(begun)))
	}
	l.awaitNewConnections()
	eventually(t, "there is load", patience, func() bool { return l.isLoad(reloads) }) // on a machine however slow
	stop()
	<-done
	t.Logf("%d reloads, and %d that were rejected; %v requests, %d jobs, %d times a new token; connections were used for at most %s "+
		"after their configuration was replaced; %d failures",
		reloads, rejected, l.requests, len(l.jobs), l.logins, l.longest.Round(time.Millisecond), len(l.failures))
	for _, failure := range l.failures[:min(10, len(l.failures))] {
		t.Error(failure)
	}
	control.Within("the use of a connection whose configuration was replaced", l.longest, lingering)
	l.checkJobs()
}

// isLoad reports whether there was load to speak of, beside so many reloads.
func (l *reloadLoad) isLoad(reloads int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range kindsOfLoad {
		if l.requests[kind] < reloads/10 {
			return false
		}
	}
	return len(l.jobs) >= reloads/2
}

// awaitNewConnections waits until no request has used a connection from before the last reload for a while.
func (l *reloadLoad) awaitNewConnections() {
	begun := time.Now()
	for {
		time.Sleep(reloadEvery)
		l.mu.Lock()
		quiet := time.Since(l.lastOld)
		l.mu.Unlock()
		if time.Since(begun) > time.Second && quiet > time.Second {
			return
		}
		if time.Since(begun) > lingering+patience {
			l.fail("connections of replaced configurations are still used")
			return
		}
	}
}

// checkJobs waits for the end of every job, each of which has an address of its own.
func (l *reloadLoad) checkJobs() {
	access := l.s.Exchange("acme", l.key).Access
	seen := make(map[string]bool)
	for _, pollingURL := range l.jobs {
		if seen[pollingURL] {
			l.s.T.Errorf("%s was given twice", pollingURL)
		}
		seen[pollingURL] = true
		if job := l.s.Await(pollingURL, access); job.Status != "completed" {
			l.s.T.Errorf("%s ended as %s: %+v", pollingURL, job.Status, job.Error)
		}
	}
}
