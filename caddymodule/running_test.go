package caddymodule_test

import (
	"bytes"
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
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// patience is how long a test waits for what takes a moment: long enough for a machine that is busy with other things.
const patience = time.Minute

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// running is a Caddy inside this process, of which there can be one at a time. It serves HTTPS.
type running struct {
	t            *testing.T
	dir          string
	port, admin  int
	access       string // token
	keyID        string // that it was made for
	certificate  string
	key          string
	database     string
	trusted      *x509.CertPool
	clientHelper *http.Client
	connections  *renewing // of clientHelper
}

// renewing sends requests over connections that are all newer than the last call of renew. A client that is told to close its idle
// connections keeps one of HTTP/2 whose last answer has just been read: its stream is forgotten a moment later.
type renewing struct {
	make func() *http.Transport

	mu   sync.Mutex
	used []*http.Transport // the newest is the last
}

func (r *renewing) renew() {
	r.CloseIdleConnections()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = append(r.used, r.make())
}

func (r *renewing) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	newest := r.used[len(r.used)-1]
	r.mu.Unlock()
	return newest.RoundTrip(request)
}

// CloseIdleConnections is called by that of a client.
func (r *renewing) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, used := range r.used {
		used.CloseIdleConnections()
	}
}

// settings are what tests change from one configuration to the next.
type settings struct {
	catalog string
	name    string // of this configuration: its logs are NAME.log and NAME.audit
	apps    string // further apps, as JSON members
	store   string // default: store.db
	shared  string // the module of another store than a file, as JSON
	conns   int    // most connections of the source
	before  string // handlers before that of calls, each followed by a comma
	routes  string // before all others, each followed by a comma
	logs    string // a member of the server that is followed by a comma, such as "logs": {}
	detail  string // who is told about health; default: nobody
	http    string // further members of the app http, each followed by a comma
	app     string // further members of the app data_api, each followed by a comma

	// postgres is the connection string of the source, which is SQLite without one.
	postgres string
}

// run makes a server that serves nothing yet: see load. It ends with the test.
func run(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	s := &running{
		t: t, dir: dir, port: servertest.FreePort(t), admin: servertest.FreePort(t), database: filepath.Join(dir, "source.db"),
		certificate: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), trusted: x509.NewCertPool(),
	}
	s.certify()
	db, err := sqlite3.Open("file:" + s.database)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec("CREATE TABLE sales (n INTEGER)"), db.Close()); err != nil {
		t.Fatal(err)
	}
	s.connections = &renewing{make: func() *http.Transport { return s.transport(nil) }}
	s.connections.renew()
	s.clientHelper = &http.Client{Transport: s.connections}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		s.clientHelper.CloseIdleConnections()
	})
	return s
}

// certify makes a certificate for 127.0.0.1.
func (s *running) certify() {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.trusted.AppendCertsFromPEM(certificate)
	s.write(s.certificate, string(certificate))
	s.write(s.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

func (s *running) write(path, content string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// companyOf is a company.yaml with one user.
const companyOf = "name: Acme\nusers:\n  ci: { policies: [DataAPIConsumer] }\n"

// catalogOf writes a catalog of the company acme, with these endpoints in the namespace default by their slug.
func catalogOf(t *testing.T, endpoints map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	if err := os.MkdirAll(filepath.Join(directory, "acme/default"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"acme/company.yaml": companyOf}
	for slug, content := range endpoints {
		files["acme/default/"+slug+".sql"] = content
	}
	for path, content := range files {
		if err := os.WriteFile(filepath.Join(directory, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// load gives Caddy a configuration, and returns why it was rejected.
func (s *running) load(with settings) error {
	s.t.Helper()
	if with.store == "" {
		with.store = filepath.Join(s.dir, "store.db")
	}
	if with.conns == 0 {
		with.conns = 8
	}
	store := with.shared
	if store == "" {
		store = fmt.Sprintf(`{"store": "bbolt", "path": %q}`, with.store)
	}
	database := fmt.Sprintf(`{"source": "sqlite", "path": %q, "max_conns": %d}`, s.database, with.conns)
	if with.postgres != "" {
		database = fmt.Sprintf(`{"source": "postgres", "dsn": %q}`, with.postgres)
	}
	detail := ""
	if with.detail != "" {
		detail = strconv.Quote(with.detail)
	}
	logger := func(kind, filter string) string {
		return fmt.Sprintf(`{"writer": {"output": "file", "filename": %q, "roll": false}, "encoder": {"format": "json"}, %s}`,
			filepath.Join(s.dir, with.name+"."+kind), filter)
	}
	config := fmt.Sprintf(`{
		"admin": {"listen": "127.0.0.1:%d", "config": {"persist": false}},
		"storage": {"module": "file_system", "root": %q},
		"logging": {"logs": {"default": %s, "audit": %s}},
		"apps": {
			"data_api": {%s"catalog": %q, "store": %s,
				"sources": {"main": %s}},
			"tls": {"certificates": {"load_files": [{"certificate": %q, "key": %q}]}},
			"http": {%s"grace_period": "10s", "servers": {"api": {%s"listen": ["127.0.0.1:%d"], "automatic_https": {"disable": true},
				"protocols": ["h1", "h2"], "tls_connection_policies": [{}], "routes": [%s
				{"match": [{"path": ["/api/v1/auth/api-key"]}], "handle": [{"handler": "data_api_token"}]},
				{"match": [{"path": ["/health/*"]}], "handle": [{"handler": "data_api_health", "detail": [%s]}]},
				{"match": [{"path": ["/docs", "/docs/*"]}], "handle": [{"handler": "data_api_docs"}]},
				{"handle": [%s{"handler": "data_api_execute", "authenticator": {"provider": "data_api_jwt"}}]}]}}}%s
		}
	}`, s.admin, filepath.Join(s.dir, "caddy"), logger("log", `"exclude": ["data_api.audit"]`), logger("audit", `"include": ["data_api.audit"]`),
		with.app, with.catalog, store, database, s.certificate, s.key, with.http, with.logs, s.port, with.routes, detail, with.before, with.apps)
	err := caddy.Load([]byte(config), true)
	for _, port := range []int{s.port, s.admin} {
		servertest.AwaitOneListener(port)
	}
	return err
}

func (s *running) mustLoad(with settings) {
	s.t.Helper()
	if err := s.load(with); err != nil {
		s.t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections() // those of the admin server that goes
	s.connections.renew()                     // on the old ones the former configuration would answer
}

// logOf returns what a configuration has written to a log.
func (s *running) logOf(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(content)
}

// newKey makes an API key for the user ci.
func (s *running) newKey() (company, id, secret string) {
	s.t.Helper()
	created, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/data_api/keys", s.admin), "application/json",
		strings.NewReader(`{"company": "acme", "user": "ci"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	defer created.Body.Close()
	var key struct {
		Key    string `json:"api_key"`
		Secret string `json:"api_secret"`
	}
	if err := json.NewDecoder(created.Body).Decode(&key); err != nil || key.Secret == "" {
		s.t.Fatalf("the key: %d %v", created.StatusCode, err)
	}
	return "acme", key.Key, key.Secret
}

// login makes a key and exchanges it for the token that ask presents.
func (s *running) login() {
	s.t.Helper()
	company, key, secret := s.newKey()
	body := fmt.Sprintf(`{"company_slug": %q, "api_key": %q, "api_secret": %q}`, company, key, secret)
	status, answer, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/auth/api-key", body)
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := errors.Join(err, json.Unmarshal(answer, &tokens)); err != nil || status != http.StatusOK {
		s.t.Fatalf("the token: %d %s %v", status, answer, err)
	}
	s.access, s.keyID = tokens.Access, key
}

// exec changes the database of the source.
func (s *running) exec(sql string) {
	s.t.Helper()
	db, err := sqlite3.Open("file:" + s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := errors.Join(db.Exec(sql), db.Close()); err != nil {
		s.t.Fatal(err)
	}
}

// client returns one that speaks HTTP/2 and opens its connections with dial; nil: as usual.
func (s *running) client(dial func(ctx context.Context, config *tls.Config) (net.Conn, error)) *http.Client {
	return &http.Client{Transport: s.transport(dial)}
}

func (s *running) transport(dial func(ctx context.Context, config *tls.Config) (net.Conn, error)) *http.Transport {
	config := &tls.Config{RootCAs: s.trusted, ServerName: "127.0.0.1", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	if dial != nil {
		transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, config) }
	}
	return transport
}

// ask sends a request and returns the whole answer.
func (s *running) ask(client *http.Client, method, path, body string) (status int, answer []byte, err error) {
	request, err := http.NewRequest(method, fmt.Sprintf("https://127.0.0.1:%d%s", s.port, path), bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if s.access != "" {
		request.Header.Set("Authorization", "Bearer "+s.access)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

func (s *running) execute(client *http.Client, slug string) (status int, answer []byte, err error) {
	return s.ask(client, http.MethodPost, "/api/v1/data-api/default/"+slug+"/execute", `{"parameter_values": {}}`)
}
