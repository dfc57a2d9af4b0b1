package link_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// open returns links on a store, whose reads are counted, with a clock that the test sets.
func open(t *testing.T, now *time.Time) (*link.Links, *atomic.Int32) {
	t.Helper()
	store, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	counting := &countingStore{Store: store}
	return link.New(counting, link.Options{Secret: store.Secret, Now: func() time.Time { return *now }}), &counting.found
}

type countingStore struct {
	link.Store
	found atomic.Int32
}

func (c *countingStore) FindLink(ctx context.Context, id string) (link.Link, error) {
	c.found.Add(1)
	return c.Store.FindLink(ctx, id)
}

func request() link.Request {
	return link.Request{
		Namespace: "default", Slug: "vendas", Format: "csv", Options: map[string]string{"csv_for": "excel"},
		Texts: map[string][]string{"regiao": {"Sul"}, "dias": {"1", "2"}, "mes": {"2026-04"}},
	}
}

func mustMake(t *testing.T, links *link.Links, lifetime time.Duration) (link.Link, string) {
	t.Helper()
	made, text, err := links.Make(t.Context(), link.Link{
		Company: "acme", User: "ana", KeyID: "s42_a", Parameters: []byte(`{}`), Free: []string{"mes"},
	}, lifetime, request())
	if err != nil {
		t.Fatal(err)
	}
	return made, text
}

func TestLinkOpensWhatItWasMadeFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 30, 23, 59, 59, 999_999_999, time.UTC) // the secret of the next month must not be asked for
	links, _ := open(t, &now)
	made, text := mustMake(t, links, time.Hour)
	now = now.Add(time.Minute)
	if opened, err := links.Open(t.Context(), text, request()); err != nil || opened.ID != made.ID || opened.User != "ana" {
		t.Fatalf("%+v, %v", opened, err)
	}
	free := request()
	free.Texts["mes"] = []string{"2027-01", "2"}
	if _, err := links.Open(t.Context(), text, free); err != nil {
		t.Errorf("another value of a free parameter: %v", err)
	}
	delete(free.Texts, "mes")
	if _, err := links.Open(t.Context(), text, free); err != nil {
		t.Errorf("no value of a free parameter: %v", err)
	}
	now = made.ExpiresAt
	if opened, err := links.Open(t.Context(), text, request()); !errors.Is(err, link.ErrExpired) || opened.ID != made.ID {
		t.Errorf("at its end: %+v, %v", opened, err)
	}
	now = now.Add(link.KeepExpired + time.Millisecond)
	if err := links.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := links.Open(t.Context(), text, request()); !errors.Is(err, link.ErrInvalid) {
		t.Errorf("long after its end: %v", err)
	}
}

// Whatever else is asked for is refused, also where its parts are the same texts in other places.
func TestLinkOpensNothingElse(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)
	links, _ := open(t, &now)
	_, text := mustMake(t, links, time.Hour)
	for name, change := range map[string]func(*link.Request){
		"another endpoint":          func(r *link.Request) { r.Slug = "vendas2" },
		"another namespace":         func(r *link.Request) { r.Namespace = "defaul" },
		"a name across two parts":   func(r *link.Request) { r.Namespace, r.Slug = "defaultv", "endas" },
		"another format":            func(r *link.Request) { r.Format = "ndjson" },
		"no format":                 func(r *link.Request) { r.Format = "" },
		"another option":            func(r *link.Request) { r.Options["csv_for"] = "standard" },
		"an option more":            func(r *link.Request) { r.Options["csv_locale"] = "pt-BR" },
		"an option less":            func(r *link.Request) { r.Options = nil },
		"an option as a parameter":  func(r *link.Request) { r.Options, r.Texts["csv_for"] = nil, []string{"excel"} },
		"another value":             func(r *link.Request) { r.Texts["regiao"] = []string{"Norte"} },
		"an empty value":            func(r *link.Request) { r.Texts["regiao"] = []string{""} },
		"a value less":              func(r *link.Request) { delete(r.Texts, "regiao") },
		"a value more":              func(r *link.Request) { r.Texts["regiao"] = []string{"Sul", "Norte"} },
		"a value twice":             func(r *link.Request) { r.Texts["regiao"] = []string{"Sul", "Sul"} },
		"items in another order":    func(r *link.Request) { r.Texts["dias"] = []string{"2", "1"} },
		"items in one":              func(r *link.Request) { r.Texts["dias"] = []string{"12"} },
		"a parameter more":          func(r *link.Request) { r.Texts["x"] = []string{"1"} },
		"a value of another":        func(r *link.Request) { r.Texts["regiao"], r.Texts["dias"] = r.Texts["dias"], r.Texts["regiao"] },
		"another case of a name":    func(r *link.Request) { r.Texts["Regiao"] = r.Texts["regiao"]; delete(r.Texts, "regiao") },
		"another form of a value":   func(r *link.Request) { r.Texts["regiao"] = []string{"Sul "} },
		"the free one, misspelt":    func(r *link.Request) { r.Texts["mes "] = []string{"1"} },
		"a value percent-encoded":   func(r *link.Request) { r.Texts["regiao"] = []string{"S%75l"} },
		"a value with a zero byte":  func(r *link.Request) { r.Texts["regiao"] = []string{"Sul\x00"} },
		"a value moved to its name": func(r *link.Request) { delete(r.Texts, "regiao"); r.Texts["regiaoSul"] = []string{""} },
	} {
		asked := request()
		asked.Options, asked.Texts = maps.Clone(asked.Options), maps.Clone(asked.Texts)
		change(&asked)
		if opened, err := links.Open(t.Context(), text, asked); !errors.Is(err, link.ErrInvalid) || opened.ID != "" {
			t.Errorf("%s: %+v, %v", name, opened, err)
		}
	}
}

// Each character of the text counts, and one that was made up costs the store nothing.
func TestChangedTextOfALink(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)
	links, found := open(t, &now)
	made, text := mustMake(t, links, time.Hour)
	_, other := mustMake(t, links, time.Hour)
	tried := map[string]string{
		"nothing": "", "a dot": ".", "the id": made.ID, "the id and a dot": made.ID + ".", "upper case": strings.ToUpper(text),
		"cut short": text[:len(text)-1], "padded": text + "=", "longer": text + "A", "a space": text + " ", "two": text + "." + text,
		"another's MAC": made.ID + other[len(made.ID):], "swapped": text[len(made.ID)+1:] + "." + made.ID,
	}
	for i := range text {
		for _, c := range []byte("0aB_v.") {
			if text[i] != c {
				tried["character "+string(c)+" at "+text[:i]] = text[:i] + string(c) + text[i+1:]
			}
		}
	}
	for name, changed := range tried {
		if _, err := links.Open(t.Context(), changed, request()); !errors.Is(err, link.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := found.Load()
	for range 1000 {
		now = now.Add(time.Millisecond)
		madeUp := made.ID[:9] + strings.Repeat("k", 17) + text[len(made.ID):]
		if _, err := links.Open(t.Context(), madeUp, request()); !errors.Is(err, link.ErrInvalid) {
			t.Fatal(err)
		}
	}
	if asked := found.Load() - before; asked > 0 {
		t.Errorf("the store was asked %d times for links that were made up", asked)
	}
}

// A server that has never seen a secret reads it from the store that it shares.
func TestLinkOpensOnAnotherServer(t *testing.T) {
	t.Parallel()
	store, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	options := link.Options{Secret: store.Secret, Now: time.Now}
	made, text := mustMake(t, link.New(store, options), time.Hour)
	if opened, err := link.New(store, options).Open(t.Context(), text, request()); err != nil || opened.ID != made.ID {
		t.Errorf("%+v, %v", opened, err)
	}
}
