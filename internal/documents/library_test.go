package documents_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

func open(t *testing.T) *documents.Library {
	t.Helper()
	store, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return documents.New(store, time.Now)
}

func TestListenersHearOfChanges(t *testing.T) {
	t.Parallel()
	library := open(t)
	var heard, other []string
	end := library.OnChange(func(kind documents.Kind, key string) {
		value, err := library.GetDocument(t.Context(), kind, key)
		heard = append(heard, fmt.Sprintf("%s %s %q %v", kind, key, value.Value, err))
	})
	endOther := library.OnChange(func(_ documents.Kind, key string) { other = append(other, key) })
	w := documents.Write{Kind: documents.Endpoint, Key: "a/b/c", Value: []byte("one"), If: documents.Absent}
	written, err := library.Put(t.Context(), w)
	if err != nil || time.Since(written.At) > time.Minute {
		t.Fatal(written, err)
	}
	if _, err := library.Put(t.Context(), w); !errors.Is(err, documents.ErrConflict) {
		t.Fatal(err)
	}
	end()
	w.Value, w.If = []byte("two"), 1
	if _, err := library.Put(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	endOther()
	library.Changed(documents.Endpoint, "")
	if want := []string{`endpoint a/b/c "one" <nil>`}; !slices.Equal(heard, want) {
		t.Errorf("heard %q", heard)
	}
	if want := []string{"a/b/c", "a/b/c"}; !slices.Equal(other, want) {
		t.Errorf("the other one has heard %q", other)
	}
	if revisions, err := library.DocumentRevisions(t.Context(), documents.Endpoint, "a/b/c", 0, 10); err != nil || len(revisions) != 2 {
		t.Errorf("%d revisions of an endpoint are kept: %v", len(revisions), err)
	}
	w.Kind, w.If = "other", documents.Absent
	if _, err := library.Put(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if revisions, err := library.DocumentRevisions(t.Context(), "other", "a/b/c", 0, 10); err != nil || len(revisions) != 0 {
		t.Errorf("%d revisions of another kind are kept: %v", len(revisions), err)
	}
}

func TestAllReadsEveryPage(t *testing.T) {
	t.Parallel()
	library := open(t)
	const count = 1001
	errs := make(chan error, count)
	for i := range count {
		go func() {
			_, err := library.PutDocument(context.Background(), documents.Write{Kind: "k", Key: fmt.Sprintf("a/%04d", i), Value: []byte("x")})
			errs <- err
		}()
	}
	for range count {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	all, err := library.All(t.Context(), "k", "a/")
	if err != nil || len(all) != count || all[0].Key != "a/0000" || all[count-1].Key != "a/1000" {
		t.Errorf("%d documents, %v", len(all), err)
	}
}
