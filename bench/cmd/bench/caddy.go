package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// server is a running Caddy with the product.
type server struct {
	*process
	dir, socket string
	options     serverOptions
	port        int // of the API
	respond     int // of Caddy's own static answer, the same bytes as the point endpoint's
	respondPage int // of one that is as long as the page endpoint's
	proxy       int // of Caddy's reverse_proxy in front of Fastify; 0 for none
	token       string
}

// serverOptions say how servers differ.
type serverOptions struct {
	hs256   bool // else Ed25519
	audited bool // writes the audit log into a file; else nowhere
	// counts no calls, neither for metrics nor for usage: it is another program, of the same code
	unobserved bool
	stored     bool // has its store in PostgreSQL; else in a file
	fastify    int  // port of what is behind the proxy; 0 for none
}

const companyFile = "name: Acme\nusers:\n  bench: { policies: [DataAPIConsumer] }\n"

// tokenSecret signs the tokens of HS256. It guards nothing but the benchmark.
const tokenSecret = "a-secret-of-the-benchmark-0123456789abcdef"

// pointAnswer is as long as the point endpoint's answer.
const pointAnswer = `{"columns":[{"name":"id","type":"integer"},{"name":"name","type":"varchar"},` +
	`{"name":"balance","type":"decimal"}],"rows":[{"id":51234,"name":"Account 51234","balance":8956.58}],` +
	`"row_count":1,"truncated":false,"max_rows":10000,"executed_at":"2026-01-01T00:00:00Z"}`

// pageAnswer is as long as the page endpoint's answer to {"after":5000}. It has parentheses instead of braces, in which Caddy would look for
// placeholders.
func pageAnswer() string {
	var b strings.Builder
	b.WriteString(`{"columns":[{"name":"id","type":"integer"},{"name":"name","type":"varchar"},{"name":"price","type":"decimal"},` +
		`{"name":"day","type":"date"},{"name":"changed_at","type":"timestamptz"},{"name":"active","type":"boolean"}],"rows":[`)
	begun := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := 5001; i <= 5100; i++ {
		if i > 5001 {
			b.WriteByte(',')
		}
		cents := i * 7919 % 10_000_000
		fmt.Fprintf(&b, `{"id":%d,"name":"Item number %d of the catalogue","price":%d.%02d,"day":%q,"changed_at":%q,"active":%t}`, i, i,
			cents/100, cents%100, time.Date(2020, 1, 1+i%2000, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			begun.Add(time.Duration(i)*1_234_567*time.Microsecond).Format("2006-01-02T15:04:05.999999Z"), i%3 == 0)
	}
	b.WriteString(`],"row_count":100,"truncated":false,"max_rows":10000,"executed_at":"2026-01-01T00:00:00Z"}`)
	return strings.NewReplacer("{", "(", "}", ")").Replace(b.String())
}

func (l *lab) startServer(ctx context.Context, name string, options serverOptions) (*server, error) {
	s := &server{dir: filepath.Join(l.dir, name), options: options}
	s.socket = filepath.Join(s.dir, "admin.sock")
	for _, port := range []*int{&s.port, &s.respond, &s.respondPage, &s.proxy} {
		var err error
		if *port, err = freePort(); err != nil {
			return nil, err
		}
	}
	if err := l.writeCatalog(filepath.Join(s.dir, "catalog")); err != nil {
		return nil, err
	}
	caddyfile := filepath.Join(s.dir, "Caddyfile")
	if err := os.WriteFile(caddyfile, []byte(l.caddyfile(s, options)), 0o600); err != nil {
		return nil, err
	}
	var err error
	environment := append([]string{"HOME=" + s.dir, "XDG_DATA_HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir}, l.environment...)
	s.process, err = startProcess(ctx, filepath.Join(s.dir, "log"), s.dir, environment, l.binary(options), "run", "--config", caddyfile)
	if err != nil {
		return nil, err
	}
	l.onClose(s.stop)
	if err := s.ready(ctx, s.active); err != nil {
		return nil, err
	}
	s.token, err = s.login(ctx, l.caddy)
	return s, err
}

// binary is the program of a server.
func (l *lab) binary(options serverOptions) string {
	if options.unobserved {
		return l.caddy + "-unobserved"
	}
	return l.caddy
}

func (l *lab) writeCatalog(dir string) error {
	files := map[string]string{"company.yaml": companyFile}
	for slug, statement := range statements {
		files["default/"+slug+".sql"] = statement.file(slug)
	}
	for name, content := range files {
		path := filepath.Join(dir, "acme", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) caddyfile(s *server, options serverOptions) string {
	secret := ""
	if options.hs256 {
		secret = "hs256_secret " + tokenSecret
	}
	auditLog := ""
	if options.audited {
		auditLog = fmt.Sprintf("log audit {\n\t\tinclude data_api.audit\n\t\toutput file %s/audit.log\n\t}", s.dir)
	}
	store := fmt.Sprintf("store bbolt %s/data-api.db", s.dir)
	if options.stored {
		store = fmt.Sprintf("store postgres %q", l.database.cluster.DSN())
	}
	text := fmt.Sprintf(`{
	admin unix/%[1]s/admin.sock
	log default {
		exclude data_api.audit
	}
	%[9]s
	auto_https off
	grace_period 10s
	servers {
		protocols h1
	}
	data_api {
		catalog %[1]s/catalog
		%[12]s
		source warehouse postgres %[2]q
		source bulk postgres %[2]q {
			max_conns 64
		}
		source tenants postgres %[2]q {
			role %[8]s
			claims on
		}
		source lite sqlite %[3]q
		tokens {
			access_ttl 1h
			%[4]s
		}
	}
}

http://127.0.0.1:%[5]d {
	data_api
}

http://127.0.0.1:%[6]d {
	header Content-Type application/json
	respond %[7]q 200
}

http://127.0.0.1:%[10]d {
	header Content-Type application/json
	respond %[11]q 200
}
`, s.dir, l.database.dsn, l.sqlite, secret, s.port, s.respond, pointAnswer, tenantRole, auditLog, s.respondPage, pageAnswer(), store)
	if options.fastify != 0 {
		text += fmt.Sprintf("\nhttp://127.0.0.1:%d {\n\treverse_proxy %s\n}\n", s.proxy, address(options.fastify))
	}
	return text
}

// active is a check that the configuration serves.
func (s *server) active() error {
	response, err := rig.UnixClient(s.socket).Get("http://127.0.0.1/data_api/catalog")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the admin API answers %s", response.Status)
	}
	return nil
}

// allocated returns how many objects the server has allocated since it began.
func (s *server) allocated() (float64, error) {
	response, err := rig.UnixClient(s.socket).Get("http://127.0.0.1/debug/vars")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var variables struct {
		Memory struct{ Mallocs float64 } `json:"memstats"`
	}
	if err := json.NewDecoder(response.Body).Decode(&variables); err != nil {
		return 0, err
	}
	return variables.Memory.Mallocs, nil
}

// login makes a key and exchanges it for a token, as an integration does.
func (s *server) login(ctx context.Context, caddy string) (string, error) {
	printed, err := run(ctx, s.dir, caddy, "data-api", "keys", "create", "--company", "acme", "--user", "bench", "--json",
		"--address", "unix/"+s.socket)
	if err != nil {
		return "", err
	}
	var key struct {
		Key    string `json:"api_key"`
		Secret string `json:"api_secret"`
	}
	if err := json.Unmarshal([]byte(printed), &key); err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"company_slug": "acme", "api_key": key.Key, "api_secret": key.Secret})
	if err != nil {
		return "", err
	}
	answer, err := post(ctx, s.url("/api/v1/auth/api-key"), "", body)
	if err != nil {
		return "", err
	}
	var pair struct {
		Access string `json:"access_token"`
	}
	err = json.Unmarshal(answer, &pair)
	return pair.Access, err
}

func (s *server) url(path string) string { return "http://" + address(s.port) + path }

// post sends JSON and returns what is answered with 200.
func post(ctx context.Context, url, token string, body []byte) ([]byte, error) {
	return send(ctx, http.MethodPost, url, token, body)
}

func send(ctx context.Context, method, url, token string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(answer)))
	}
	return answer, err
}

func executePath(slug string) string { return "/api/v1/data-api/default/" + slug + "/execute" }
