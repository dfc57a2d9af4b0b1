package jwks

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/paralleltest"
)

// issuer serves a key set, as well or as badly as a test wants it to.
type issuer struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newIssuer(t *testing.T, answer http.HandlerFunc) *issuer {
	t.Helper()
	i := new(issuer)
	i.set(answer)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) set(answer http.HandlerFunc) { i.answer.Store(&answer) }

func publishing(document []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document) }
}

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8) // they wait for issuers
	os.Exit(m.Run())
}

// testLog collects what is logged.
type testLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

type testClock struct{ offset atomic.Int64 }

func (c *testClock) Now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func newSource(t *testing.T, location string) (*Source, *testClock, *testLog) {
	t.Helper()
	clock, log := new(testClock), new(testLog)
	source, err := New(Config{Location: location, Logger: slog.New(slog.NewTextHandler(log, nil)), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	return source, clock, log
}

func find(t *testing.T, source *Source, id string) error {
	t.Helper()
	_, set, err := source.Find(t.Context(), id, "EdDSA")
	if (err == nil) != (set != nil) {
		t.Errorf("%v with a set %v", err, set)
	}
	return err
}

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func TestFirstCallerWaitsForTheFirstFetch(t *testing.T) {
	t.Parallel()
	ed := edKey(t)
	i := newIssuer(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(100 * time.Millisecond)
		_, _ = w.Write(document(publicJWK(t, ed, "a", "")))
	})
	source, _, _ := newSource(t, i.URL)
	if err := find(t, source, "a"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("before the start: %v", err)
	}
	source.Start()
	source.Start()
	key, set, err := source.Find(t.Context(), "a", "EdDSA")
	if err != nil || !ed.Equal(key.(ed25519.PublicKey)) || set != source.Current() {
		t.Fatalf("got %v, %v", key, err)
	}
	if i.asked.Load() != 1 {
		t.Errorf("the issuer was asked %d times", i.asked.Load())
	}
}

// An unknown key makes the set be fetched, for all callers together once in half a minute.
func TestUnknownKeysAreFetchedWithinALimit(t *testing.T) {
	t.Parallel()
	first, second := publicJWK(t, edKey(t), "a", ""), publicJWK(t, edKey(t), "b", "")
	i := newIssuer(t, publishing(document(first)))
	source, clock, _ := newSource(t, i.URL)
	source.Start()
	if err := find(t, source, "a"); err != nil {
		t.Fatal(err)
	}
	i.set(publishing(document(first, second)))
	before := source.Current()
	var group sync.WaitGroup
	for n := range 50 {
		group.Go(func() {
			if err := find(t, source, "b"); err != nil && !errors.Is(err, ErrUnknownKey) {
				t.Error(err)
			}
			if err := find(t, source, fmt.Sprint("invented-", n)); !errors.Is(err, ErrUnknownKey) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := find(t, source, "b"); err != nil || source.Current() == before {
		t.Errorf("the new key: %v", err)
	}
	if asked := i.asked.Load(); asked != 2 {
		t.Errorf("the issuer was asked %d times, want 2", asked)
	}
	for n := range 100 {
		if err := find(t, source, fmt.Sprint("later-", n)); !errors.Is(err, ErrUnknownKey) {
			t.Error(err)
		}
	}
	if asked := i.asked.Load(); asked != 2 {
		t.Errorf("after the limit the issuer was asked %d times, want 2", asked)
	}
	clock.advance(UnknownKeyInterval)
	_ = find(t, source, "again")
	if asked := i.asked.Load(); asked != 3 {
		t.Errorf("half a minute later the issuer was asked %d times, want 3", asked)
	}
	if set := source.Current(); set.Len() != 2 {
		t.Errorf("%d keys are known", set.Len())
	}
}

func TestFailingIssuer(t *testing.T) {
	t.Parallel()
	key := document(publicJWK(t, edKey(t), "a", ""))
	for name, answer := range map[string]http.HandlerFunc{
		"500":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"404":        http.NotFound,
		"a page":     publishing([]byte("<html>")),
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for range 2 * MaxBytes / 1024 {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1024))
			}
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(key)
		},
		"not modified, unasked": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for its issuer to be asked again
			i := newIssuer(t, answer)
			source, clock, log := newSource(t, i.URL+"/keys?secret=hunter2")
			source.Start()
			if err := find(t, source, "a"); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
			// Nobody waits for an issuer that is known to fail, and it is not asked more often for that.
			eventually(t, "the failure is logged", func() bool { return strings.Contains(log.String(), "cannot be fetched") })
			begun, asked := time.Now(), i.asked.Load()
			for range 100 {
				if err := find(t, source, "a"); !errors.Is(err, ErrUnavailable) {
					t.Fatalf("got %v", err)
				}
			}
			if took := time.Since(begun); took > patience || i.asked.Load() > asked+6 {
				t.Errorf("100 callers waited %v in all, and the issuer was asked %d times", took, i.asked.Load()-asked)
			}
			// It recovers by itself, and what is known then outlives another failure.
			i.set(publishing(key))
			eventually(t, "recovery", func() bool { return find(t, source, "a") == nil })
			i.set(answer)
			known := source.Current()
			clock.advance(UnknownKeyInterval)
			if err := find(t, source, "b"); !errors.Is(err, ErrUnknownKey) {
				t.Errorf("a key that is not there: %v", err)
			}
			if err := find(t, source, "a"); err != nil || source.Current() != known {
				t.Errorf("what was known is lost: %v", err)
			}
			clock.advance(MaxStale)
			if err := find(t, source, "a"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("after a day without an answer: %v", err)
			}
			if strings.Contains(log.String(), "hunter2") {
				t.Errorf("the log shows the query: %s", log)
			}
		})
	}
}

func TestSilentIssuer(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	var ended atomic.Bool
	i := newIssuer(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
			ended.Store(true)
		}
	})
	defer close(hold)
	source, _, _ := newSource(t, i.URL)
	source.Start()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, _, err := source.Find(ctx, "a", "EdDSA"); !errors.Is(err, ErrUnavailable) || ended.Load() {
		t.Errorf("a caller who goes away waited %v: %v", time.Since(begun), err)
	}
	if err := find(t, source, "a"); !errors.Is(err, ErrUnavailable) || time.Since(begun) > patience {
		t.Errorf("a caller waited %v: %v", time.Since(begun), err)
	}
}

func TestUnchangedSetStaysTheSame(t *testing.T) {
	t.Parallel()
	key := document(publicJWK(t, edKey(t), "a", ""))
	var conditional atomic.Int64
	for name, answer := range map[string]http.HandlerFunc{
		"no entity tag": publishing(key),
		"an entity tag": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") == `"v1"` {
				conditional.Add(1)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("ETag", `"v1"`)
			_, _ = w.Write(key)
		},
	} {
		i := newIssuer(t, answer)
		source, clock, _ := newSource(t, i.URL)
		source.Start()
		if err := find(t, source, "a"); err != nil {
			t.Fatal(err)
		}
		known := source.Current()
		for range 3 {
			clock.advance(MaxStale - time.Minute)
			if err := find(t, source, "b"); !errors.Is(err, ErrUnknownKey) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if source.Current() != known || i.asked.Load() != 4 {
			t.Errorf("%s: the same document makes another set; %d requests", name, i.asked.Load())
		}
	}
	if conditional.Load() != 3 {
		t.Errorf("%d conditional requests, want 3", conditional.Load())
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	source, clock, _ := newSource(t, path)
	source.Start()
	if err := find(t, source, "a"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, document(publicJWK(t, edKey(t), "a", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is read", func() bool { return find(t, source, "a") == nil })
	if err := os.WriteFile(path, document(publicJWK(t, edKey(t), "b", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.advance(UnknownKeyInterval)
	if err := find(t, source, "b"); err != nil {
		t.Errorf("the changed file: %v", err)
	}
	if err := find(t, source, "a"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a key that was taken out: %v", err)
	}
}

func TestCheckLocation(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://idp.example.com/keys", "https://10.0.0.1:8443/keys?x=1", "http://127.0.0.1/keys", "http://localhost:8080/keys",
		"http://[::1]:80/keys", "/etc/keys.json", "keys.json",
	} {
		if err := CheckLocation(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "http://idp.example.com/keys", "http://10.0.0.1/keys", "http://localhost.example.com/", "ftp://127.0.0.1/keys",
		"https://user:pass@idp.example.com/keys", "https://", "https:///keys", "https://a/#b", "file:///etc/keys", "http://[::1%25lo]/keys",
		"http://127.0.0.1.example.com/", "http://0x7f000001/",
	} {
		if err := CheckLocation(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		} else if strings.Contains(err.Error(), "pass") && strings.Contains(err.Error(), "user:") {
			t.Errorf("%q: the error shows the password: %v", bad, err)
		}
	}
}

func TestKeepFor(t *testing.T) {
	for field, want := range map[string]time.Duration{
		"": defaultInterval, "no-store": defaultInterval, "max-age=x": defaultInterval, "max-age=-1": defaultInterval,
		"max-age=0": minInterval, "public, max-age=300": 5 * time.Minute, "Max-Age=\"300\"": 5 * time.Minute,
		"max-age=31536000": maxInterval, "max-age=99999999999999999999": maxInterval, "max-age=9223372036854775807": maxInterval,
		"s-maxage=60, max-age=120": 2 * time.Minute,
	} {
		if got := keepFor(http.Header{"Cache-Control": {field}}); got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
}

// A relative path is named in full where it cannot be read.
func TestARelativeFileSaysWhereItWasLookedFor(t *testing.T) {
	directory := t.TempDir()
	t.Chdir(directory)
	if _, err := readFile("keys.json"); err == nil || !strings.Contains(err.Error(), filepath.Join(directory, "keys.json")) {
		t.Error(err)
	}
}
