package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/link"
)

// LinkStore tests an implementation of [link.Store]. open returns an empty store, and a function that closes it and opens it again
// as a restarted process would.
func LinkStore(t *testing.T, open func(t *testing.T) (store link.Store, reopen func() link.Store)) {
	t.Helper()
	for name, test := range map[string]func(linkTest){
		"a link comes back as it was":              linkTest.comesBack,
		"a missing link is said to be missing":     linkTest.isMissing,
		"no more uses succeed than there are":      linkTest.usedConcurrently,
		"a link without a limit is used for ever":  linkTest.usedForEver,
		"links are listed newest first, in pages":  linkTest.listed,
		"a company has as many links as it may":    linkTest.tooMany,
		"pruning removes what has expired":         linkTest.pruned,
		"writes survive a restart":                 linkTest.writesSurviveRestart,
		"a context that has ended changes nothing": linkTest.contextEnded,
	} {
		t.Run(name, func(t *testing.T) {
			store, reopen := open(t)
			test(linkTest{t, store, reopen})
		})
	}
}

type linkTest struct {
	*testing.T
	store  link.Store
	reopen func() link.Store
}

func newLink(id string) link.Link {
	return link.Link{
		ID: id, Company: "acme", User: "integration", KeyID: "s42_key", Namespace: "default", Slug: "vendas", Format: "csv",
		Options: map[string]string{"csv_for": "excel"}, Parameters: json.RawMessage(`{"regiao":"Sul"}`), Free: []string{"mes"},
		Name: "Número 1", CreatedAt: keyEpoch, ExpiresAt: keyEpoch.Add(time.Hour), Uses: 3,
	}
}

func (t linkTest) create(links ...link.Link) {
	t.Helper()
	for _, made := range links {
		if err := t.store.CreateLink(t.Context(), made, 1000); err != nil {
			t.Fatalf("CreateLink(%s): %v", made.ID, err)
		}
	}
}

func (t linkTest) wantErr(what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func (t linkTest) want(want link.Link) {
	t.Helper()
	if got, err := t.store.FindLink(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("link %s: %v\n got %+v\nwant %+v", want.ID, err, got, want)
	}
}

func (t linkTest) wantGone(id string) {
	t.Helper()
	if got, err := t.store.FindLink(t.Context(), id); !errors.Is(err, link.ErrNotFound) {
		t.Fatalf("link %s: %+v, %v; want %v", id, got, err, link.ErrNotFound)
	}
}

func (t linkTest) comesBack() {
	plain := newLink("b")
	plain.KeyID, plain.Options, plain.Free, plain.Name, plain.Uses, plain.Parameters = "", nil, nil, "", 0, json.RawMessage(`{}`)
	t.create(newLink("a"), plain)
	t.want(newLink("a"))
	t.want(plain)

	// What is kept is UTC to the microsecond, whatever came in.
	elsewhere := newLink("c")
	elsewhere.ExpiresAt = elsewhere.ExpiresAt.Add(789 * time.Nanosecond).In(time.FixedZone("BRT", -3*3600))
	t.create(elsewhere)
	t.want(newLink("c"))
}

func (t linkTest) isMissing() {
	t.create(newLink("a"))
	t.wantGone("b")
	_, err := t.store.UseLink(t.Context(), "b")
	t.wantErr("using one that is not there", err, link.ErrNotFound)
	t.wantErr("removing one that is not there", t.store.RemoveLink(t.Context(), "b"), link.ErrNotFound)
	if err := t.store.RemoveLink(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	t.wantGone("a")
	t.wantErr("removing it again", t.store.RemoveLink(t.Context(), "a"), link.ErrNotFound)
	t.wantListed("", 10)
}

// usedConcurrently has the last uses counted for two stores that may share what they keep.
func (t linkTest) usedConcurrently() {
	made := newLink("a")
	made.Uses = 7
	t.create(made)
	var succeeded, refused atomic.Int32
	var callers sync.WaitGroup
	for range 40 {
		callers.Go(func() {
			switch used, err := t.store.UseLink(context.Background(), "a"); {
			case err == nil && used.Used >= 1 && used.Used <= 7:
				succeeded.Add(1)
			case errors.Is(err, link.ErrSpent):
				refused.Add(1)
			default:
				t.Errorf("%+v, %v", used, err)
			}
		})
	}
	callers.Wait()
	if succeeded.Load() != 7 || refused.Load() != 33 {
		t.Errorf("%d uses succeeded, and %d were refused", succeeded.Load(), refused.Load())
	}
	made.Used = 7
	t.want(made)
}

func (t linkTest) usedForEver() {
	made := newLink("a")
	made.Uses = 0
	t.create(made)
	for i := range 5 {
		if used, err := t.store.UseLink(t.Context(), "a"); err != nil || used.Used != i+1 {
			t.Fatalf("use %d: %+v, %v", i+1, used, err)
		}
	}
}

func (t linkTest) wantListed(before string, limit int, want ...string) {
	t.Helper()
	found, err := t.store.ListLinks(t.Context(), "acme", "default", "vendas", before, limit)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, listed := range found {
		ids = append(ids, listed.ID)
	}
	if !reflect.DeepEqual(ids, want) {
		t.Errorf("before %q, at most %d: %v, want %v", before, limit, ids, want)
	}
}

func (t linkTest) listed() {
	t.wantListed("", 10)
	t.create(newLink("b"), newLink("d"), newLink("a"), newLink("c"))
	for i, change := range []func(*link.Link){
		func(l *link.Link) { l.Company = "acm" }, func(l *link.Link) { l.Company = "acmf" }, func(l *link.Link) { l.Namespace = "defaul" },
		func(l *link.Link) { l.Slug = "vendas-por-regiao" }, func(l *link.Link) { l.Slug = "venda" },
	} {
		other := newLink(fmt.Sprint("other", i))
		change(&other)
		t.create(other)
	}
	t.wantListed("", 10, "d", "c", "b", "a")
	t.wantListed("", 2, "d", "c")
	t.wantListed("c", 2, "b", "a")
	t.wantListed("bb", 9, "b", "a")
	t.wantListed("a", 9)
}

func (t linkTest) tooMany() {
	var made, refused atomic.Int32
	var makers sync.WaitGroup
	for i := range 12 {
		makers.Go(func() {
			switch err := t.store.CreateLink(context.Background(), newLink(fmt.Sprintf("%02d", i)), 5); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, link.ErrTooMany):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	makers.Wait()
	if made.Load() != 5 || refused.Load() != 7 {
		t.Errorf("%d links were made, and %d refused", made.Load(), refused.Load())
	}
	other := newLink("other")
	other.Company = "globex"
	if err := t.store.CreateLink(t.Context(), other, 5); err != nil {
		t.Errorf("another company's: %v", err)
	}
}

func (t linkTest) pruned() {
	for i := range 6 {
		made := newLink(fmt.Sprint(i))
		made.ExpiresAt = keyEpoch.Add(time.Duration(i) * time.Hour)
		t.create(made)
	}
	before := keyEpoch.Add(3 * time.Hour)
	if more, err := t.store.PruneLinks(t.Context(), before, 2); err != nil || !more {
		t.Fatal(more, err)
	}
	if more, err := t.store.PruneLinks(t.Context(), before, 2); err != nil || more {
		t.Fatal(more, err)
	}
	t.wantListed("", 10, "5", "4", "3")
	t.wantGone("2")
}

func (t linkTest) writesSurviveRestart() {
	t.create(newLink("a"), newLink("b"))
	_, err := t.store.UseLink(t.Context(), "a")
	if err := errors.Join(err, t.store.RemoveLink(t.Context(), "b")); err != nil {
		t.Fatal(err)
	}
	t.store = t.reopen()
	want := newLink("a")
	want.Used = 1
	t.want(want)
	t.wantGone("b")
	t.wantListed("", 10, "a")
}

func (t linkTest) contextEnded() {
	t.create(newLink("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := t.store.FindLink(ctx, "a")
	t.wantErr("finding", err, context.Canceled)
	_, err = t.store.UseLink(ctx, "a")
	t.wantErr("using", err, context.Canceled)
	_, err = t.store.ListLinks(ctx, "acme", "default", "vendas", "", 10)
	t.wantErr("listing", err, context.Canceled)
	t.wantErr("making", t.store.CreateLink(ctx, newLink("b"), 10), context.Canceled)
	t.wantErr("removing", t.store.RemoveLink(ctx, "a"), context.Canceled)
	t.want(newLink("a"))
	t.wantGone("b")
}
