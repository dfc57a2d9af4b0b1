package servertest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// Settings are one configuration.
type Settings = server.Settings

// Source is a database that endpoints run on.
type Source = server.Source

// Config says how a server differs from the default one.
type Config struct {
	Database Database                  // has the name main; may be left out
	Sources  map[string]*server.Source // further ones; the server closes them
	Files    map[string]string         // of the catalog, by path, beside CompanyFile
	Catalog  fs.FS                     // the whole catalog, instead of Files
	Settings func(*Settings)           // changes the default settings

	// Store opens the store, instead of one that is this server's own.
	Store func() (store.Store, error)

	// Observer watches calls and the ends of jobs. It may be nil.
	Observer observe.Observer

	// Traces makes the spans of jobs and callbacks. It may be nil.
	Traces *tracing.Provider
	// Handler is in front of the server, as a handler of a site does. It may be nil.
	Handler func(http.Handler) http.Handler

	ServerTiming bool // calls are answered with Server-Timing
}

// CompanyFile is the company.yaml of acme, unless a file replaces it.
const CompanyFile = `name: Acme
users:
  integration: { policies: [DataAPIConsumer] }
  powerless: { policies: [] }
`

// maxBody is the largest request body, in bytes: the default of the configuration.
const maxBody = 256 << 10

// Server is a running server with a catalog and a store of its own.
type Server struct {
	Client
	Dir string // catalog/ and data-api.db are here
	Log *Log

	config  Config
	sources map[string]*server.Source
	shared  *server.Shared
	current *atomic.Pointer[configuration]
}

// configuration is a server under one configuration.
type configuration struct {
	*server.Server
	services *server.Services
	end      context.CancelFunc // answers those who wait
	detach   func()
	ended    chan struct{} // closed when nothing runs under it any more
}

// New starts a server, which ends with the test.
func New(t testing.TB, config Config) *Server {
	t.Helper()
	s := &Server{
		Client: Client{T: t}, Dir: t.TempDir(), Log: new(Log),
		config: config, sources: make(map[string]*server.Source), current: new(atomic.Pointer[configuration]),
	}
	s.CreateKey = s.createKey
	if config.Catalog == nil {
		s.WriteCatalog("acme/company.yaml", CompanyFile)
	} else if err := os.CopyFS(filepath.Join(s.Dir, "catalog"), config.Catalog); err != nil {
		t.Fatal(err)
	}
	for path, content := range config.Files {
		s.WriteCatalog(path, content)
	}
	s.openSources()
	s.start()
	var serve http.Handler = s
	if config.Handler != nil {
		serve = config.Handler(s)
	}
	listening := httptest.NewUnstartedServer(serve)
	listening.Config.ConnContext = respond.WithConn
	listening.Start()
	s.Base = listening.URL
	t.Cleanup(func() {
		s.current.Load().end() // callers who wait are answered, or else Close would wait for them
		listening.Close()
		s.stop()
		for _, opened := range s.sources {
			_ = opened.Close()
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.Log)
		}
	})
	return s
}

func (s *Server) openSources() {
	s.T.Helper()
	if s.config.Database != (Database{}) {
		s.sources["main"] = s.config.Database.open(s.T)
	}
	maps.Copy(s.sources, s.config.Sources)
}

// On returns the server as a subtest sees it: what fails, fails that test.
func (s *Server) On(t testing.TB) *Server {
	seen := *s
	seen.T = t
	seen.CreateKey = seen.createKey
	return &seen
}

// WriteCatalog writes a file of the catalog. It is renamed into place, as editors do, so that nobody sees half a file.
func (s *Server) WriteCatalog(path, content string) {
	s.T.Helper()
	full := filepath.Join(s.Dir, "catalog", filepath.FromSlash(path))
	err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full+"~", []byte(content), 0o600), os.Rename(full+"~", full))
	if err != nil {
		s.T.Fatal(err)
	}
}

// RemoveCatalog removes a file of the catalog, and returns what it said.
func (s *Server) RemoveCatalog(path string) string {
	s.T.Helper()
	full := filepath.Join(s.Dir, "catalog", filepath.FromSlash(path))
	text, err := os.ReadFile(full)
	if err := errors.Join(err, os.Remove(full)); err != nil {
		s.T.Fatal(err)
	}
	return string(text)
}

// Services are what requests are answered with.
func (s *Server) Services() *server.Services { return s.current.Load().services }

// Configuration is the one in force.
func (s *Server) Configuration() *server.Server { return s.current.Load().Server }

// Reload replaces the configuration by a new one over the same store and sources, as a reload of Caddy's does.
func (s *Server) Reload() {
	s.T.Helper()
	before := s.current.Load()
	s.load()
	before.end()
	before.detach()
	_ = before.Close()
}

// Restart ends the server, its store included, and starts it again.
func (s *Server) Restart() {
	s.T.Helper()
	s.stop()
	s.start()
}

func (s *Server) start() {
	s.T.Helper()
	s.shared = server.NewShared(server.BackendOptions{
		OpenStore: s.openStore,
		Logger:    s.logger(), AuditLog: noAuditLog{}, Observer: s.observer(), Traces: s.config.Traces,
	})
	s.load()
}

func (s *Server) openStore() (store.Store, error) {
	if s.config.Store != nil {
		return s.config.Store()
	}
	return boltstore.Open(filepath.Join(s.Dir, "data-api.db"), boltstore.Options{Logger: s.logger()})
}

func (s *Server) stop() {
	s.T.Helper()
	last := s.current.Load()
	last.end()
	last.detach()
	s.shared.Drain(Patience)
	<-last.ended
	if err := errors.Join(last.Close(), s.shared.Close()); err != nil {
		s.T.Error(err)
	}
}

// load makes a configuration and puts it in force.
func (s *Server) load() {
	s.T.Helper()
	settings := s.settings()
	loaded := &configuration{ended: make(chan struct{})}
	settings.Ending, loaded.end = context.WithCancel(context.Background())
	if s.config.Settings != nil {
		s.config.Settings(&settings)
	}
	var err error
	if loaded.Server, err = server.New(settings); err != nil {
		s.T.Fatal(err)
	}
	if loaded.services, err = loaded.Open(); err != nil {
		s.T.Fatal(err)
	}
	if err := errors.Join(loaded.CheckStatements(), loaded.services.Start()); err != nil {
		s.T.Fatal(err)
	}
	if loaded.detach, err = loaded.services.Attach(func() { close(loaded.ended) }); err != nil {
		s.T.Fatal(err)
	}
	s.current.Store(loaded)
}

// settings are the defaults of a Caddyfile.
func (s *Server) settings() server.Settings {
	perMinute := func(n int) ratelimit.Limit { return ratelimit.Limit{Count: n, Period: time.Minute, Burst: n} }
	return server.Settings{
		Catalog: filepath.Join(s.Dir, "catalog"), Sources: s.sources, Backend: s.shared,
		Tokens: token.Config{
			Issuer: "caddy-data-api", Audience: "caddy-data-api", AccessTTL: 10 * time.Minute, RefreshTTL: 7 * 24 * time.Hour,
		},
		Algorithm: token.EdDSA,
		Console:   func() string { return "/console" },
		Throttle: ratelimit.ThrottleLimits{
			Address: perMinute(1000), Failures: perMinute(100), Identity: perMinute(100), Total: perMinute(6000),
		},
		Jobs:           job.Settings{Workers: 4, PerCompany: 3, Quota: 10 << 30, Retention: 24 * time.Hour},
		WaitingCallers: 1000,
		AnswerMemory:   128 << 20,
		Cache:          cache.Options{Size: cache.DefaultSize, MaxResult: cache.DefaultMaxResult},
		Log:            s.logger(), AuditLog: noAuditLog{}, Observer: s.observer(),
		Exiting:  func() bool { return false },
		Scheme:   func(*http.Request) string { return "http" },
		ClientIP: func(r *http.Request) string { host, _, _ := net.SplitHostPort(r.RemoteAddr); return host },
	}
}

// ServeHTTP routes requests as the directive data_api does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	api := s.Services().API
	switch path := r.URL.Path; {
	case slices.ContainsFunc(dataapi.CallerPaths(), func(pattern string) bool {
		parent, below := strings.CutSuffix(pattern, "*")
		return path == pattern || below && strings.HasPrefix(path, parent)
	}):
		if caller, ok := api.Identify(w, r); ok {
			api.ServeExecute(w, r, caller, httpapi.ExecuteOptions{MaxBody: maxBody, ServerTiming: s.config.ServerTiming})
		}
	case strings.HasPrefix(path, "/api/v1/auth/"), path == dataapi.PathJWKS, path == dataapi.PathOAuth:
		api.ServeToken(w, r, dataapi.Base{URL: "http://" + r.Host})
	default:
		fields.SetRequestID(w, r)
		http.NotFound(w, r)
	}
}

func (s *Server) createKey(company, user string) Credentials {
	s.T.Helper()
	key, secret, err := s.Services().Directory.CreateKey(context.Background(), identity.NewKey{Company: company, User: user})
	if err != nil {
		s.T.Fatal(err)
	}
	return Credentials{Key: key.ID, Secret: secret}
}

// Revoke revokes a key.
func (s *Server) Revoke(key string) {
	s.T.Helper()
	if _, _, err := s.Services().Keys.Revoke(context.Background(), key); err != nil {
		s.T.Fatal(err)
	}
}

// Rotate gives a key a successor, and an end after the overlap.
func (s *Server) Rotate(key string, overlap time.Duration) {
	s.T.Helper()
	if _, err := s.Services().Directory.RotateKey(context.Background(), key, overlap, time.Time{}); err != nil {
		s.T.Fatal(err)
	}
}

func (s *Server) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(s.Log, nil)) }

// observer watches calls and ends of jobs.
func (s *Server) observer() observe.Observer {
	if s.config.Observer != nil {
		return s.config.Observer
	}
	return observe.Observers(nil)
}

// noAuditLog keeps no audit log.
type noAuditLog struct{}

func (noAuditLog) Enabled() bool      { return false }
func (noAuditLog) Record(audit.Event) {}

// Log is what a server has logged. A test may read while the server writes.
type Log struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

// String returns what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
