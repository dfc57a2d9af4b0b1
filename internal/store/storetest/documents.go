package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
)

// start is when every test begins that has no time of its own. It has nanoseconds and a zone, both of which a store has to cope with.
var start = time.Date(2026, 4, 11, 10, 30, 0, 123456789, time.FixedZone("BRT", -3*60*60))

// DocumentStore tests an implementation of [documents.Store]. open returns values on one empty store, as several servers have
// them, and a function that closes them and opens others on what was kept, as restarted servers would.
func DocumentStore(t *testing.T, open func(t *testing.T) (values []documents.Store, reopen func() []documents.Store)) {
	t.Helper()
	for name, test := range map[string]func(documentTest){
		"a document comes back as it was":             documentTest.comesBack,
		"a change needs the present revision":         documentTest.compareAndSet,
		"a deletion is a revision":                    documentTest.deletion,
		"keys are listed in their order, in pages":    documentTest.list,
		"names do not run into each other":            documentTest.names,
		"revisions are kept as long as was said":      documentTest.revisions,
		"revisions are listed in pages, newest first": documentTest.revisionPages,
		"what cannot be kept is refused":              documentTest.refusals,
		"what was deleted long ago is forgotten":      documentTest.sweep,
		"of many makers one makes it":                 documentTest.madeOnce,
		"no change is lost":                           documentTest.noneLost,
		"random changes agree with a model":           documentTest.random,
		"a context that has ended changes nothing":    documentTest.contextEnded,
	} {
		t.Run(name, func(t *testing.T) {
			values, reopen := open(t)
			test(documentTest{t, &turns{values: values}, reopen})
		})
	}
}

// turns gives each call to another value than the one before.
type turns struct {
	values []documents.Store
	calls  atomic.Int64
}

func (t *turns) next() documents.Store { return t.values[int(t.calls.Add(1))%len(t.values)] }

type documentTest struct {
	*testing.T
	*turns
	reopen func() []documents.Store
}

func (t documentTest) put(w documents.Write) documents.Document {
	t.Helper()
	written, err := t.next().PutDocument(t.Context(), w)
	if err != nil {
		t.Fatalf("%s at %d: %v", w.Key, w.If, err)
	}
	return written
}

func (t documentTest) refuse(w documents.Write, want error) (current documents.Document) {
	t.Helper()
	_, err := t.next().PutDocument(t.Context(), w)
	if !errors.Is(err, want) {
		t.Fatalf("%s at %d: got %v, want %v", w.Key, w.If, err, want)
	}
	if conflict, ok := errors.AsType[*documents.ConflictError](err); ok {
		return conflict.Current
	}
	return documents.Document{}
}

func (t documentTest) wantDocument(want documents.Document) {
	t.Helper()
	for i, value := range t.values {
		got, err := value.GetDocument(t.Context(), want.Kind, want.Key)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("value %d: %v\n got %+v\nwant %+v", i, err, got, want)
		}
	}
}

func (t documentTest) keysOf(kind documents.Kind, prefix, after string, limit int) string {
	t.Helper()
	found, err := t.next().ListDocuments(t.Context(), kind, prefix, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, one := range found {
		if one.Kind != kind || one.Revision == 0 || one.Value == nil || one.At.IsZero() {
			t.Errorf("the list has %+v", one)
		}
		keys = append(keys, one.Key)
	}
	return strings.Join(keys, " ")
}

func saving(key, value string, revision int64) documents.Write {
	return documents.Write{
		Kind: "note", Key: key, Value: []byte(value), If: revision, Keep: 10,
		Stamp: documents.Stamp{Author: "acme/ana", Action: "saved", Note: "why: não sei", At: start},
	}
}

func (t documentTest) comesBack() {
	w := saving("acme/default/vendas-é", "a\x00b\xffc", documents.Absent)
	written := t.put(w)
	want := documents.Document{
		Kind: "note", Key: w.Key, Revision: 1, Value: w.Value,
		Stamp: documents.Stamp{Author: "acme/ana", Action: "saved", Note: "why: não sei", At: start.UTC().Truncate(time.Microsecond)},
	}
	if !reflect.DeepEqual(written, want) {
		t.Errorf("written: %+v", written)
	}
	t.wantDocument(want)
	large := saving("large", string(bytes.Repeat([]byte("x"), documents.MaxValue)), documents.Absent)
	t.put(large)
	empty := t.put(saving("empty", "", documents.Absent))
	t.values = t.reopen()
	t.wantDocument(want)
	if got, err := t.next().GetDocument(t.Context(), "note", "large"); err != nil || !bytes.Equal(got.Value, large.Value) {
		t.Errorf("the largest: %d bytes, %v", len(got.Value), err)
	}
	if got, err := t.next().GetDocument(t.Context(), "note", "empty"); err != nil || len(got.Value) != 0 || got.Revision != empty.Revision {
		t.Errorf("the empty one: %+v, %v", got, err)
	}
	if _, err := t.next().GetDocument(t.Context(), "note", "none"); !errors.Is(err, documents.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	if _, err := t.next().GetDocument(t.Context(), "other", w.Key); !errors.Is(err, documents.ErrNotFound) {
		t.Errorf("of another kind: %v", err)
	}
}

func (t documentTest) compareAndSet() {
	t.refuse(saving("k", "x", 1), documents.ErrConflict)
	t.put(saving("k", "one", documents.Absent))
	if current := t.refuse(saving("k", "x", documents.Absent), documents.ErrConflict); current.Revision != 1 || current.Value != nil {
		t.Errorf("the conflict tells of %+v", current)
	}
	t.put(saving("k", "two", 1))
	for _, stale := range []int64{1, 3, 7} {
		if current := t.refuse(saving("k", "x", stale), documents.ErrConflict); current.Revision != 2 || current.Author != "acme/ana" {
			t.Errorf("the conflict at %d tells of %+v", stale, current)
		}
	}
	if written := t.put(saving("k", "three", documents.Whatever)); written.Revision != 3 {
		t.Errorf("revision %d", written.Revision)
	}
	if written := t.put(saving("new", "one", documents.Whatever)); written.Revision != 1 {
		t.Errorf("revision %d of what was not there", written.Revision)
	}
	if got, err := t.next().GetDocument(t.Context(), "note", "k"); err != nil || string(got.Value) != "three" {
		t.Errorf("%+v, %v", got, err)
	}
}

func deleting(key string, revision int64) documents.Write {
	w := saving(key, "ignored", revision)
	w.Delete = true
	return w
}

func (t documentTest) deletion() {
	for _, at := range []int64{documents.Absent, documents.Whatever} {
		t.refuse(deleting("k", at), documents.ErrNotFound)
	}
	t.refuse(deleting("k", 1), documents.ErrConflict)
	t.put(saving("k", "one", documents.Absent))
	t.refuse(deleting("k", 2), documents.ErrConflict)
	t.refuse(deleting("k", documents.Absent), documents.ErrConflict)
	if gone := t.put(deleting("k", 1)); gone.Revision != 2 || !gone.Deleted || gone.Value != nil {
		t.Errorf("deleted: %+v", gone)
	}
	for range t.values {
		if _, err := t.next().GetDocument(t.Context(), "note", "k"); !errors.Is(err, documents.ErrNotFound) {
			t.Errorf("after the deletion: %v", err)
		}
		if keys := t.keysOf("note", "", "", 10); keys != "" {
			t.Errorf("the list still has %q", keys)
		}
	}
	// Nobody changes what they do not know to be gone, and numbers go on.
	if current := t.refuse(saving("k", "x", 2), documents.ErrConflict); current.Revision != 2 || !current.Deleted {
		t.Errorf("the conflict tells of %+v", current)
	}
	t.refuse(saving("k", "x", 1), documents.ErrConflict)
	t.refuse(deleting("k", documents.Whatever), documents.ErrNotFound)
	t.values = t.reopen()
	if again := t.put(saving("k", "again", documents.Absent)); again.Revision != 3 || again.Deleted {
		t.Errorf("made again: %+v", again)
	}
	if listed, err := t.next().DocumentRevisions(t.Context(), "note", "k", 0, 9); err != nil || !listed[1].Deleted || listed[0].Deleted {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	old, err := t.next().DocumentRevision(t.Context(), "note", "k", 1)
	if err != nil || string(old.Value) != "one" {
		t.Errorf("what was deleted: %+v, %v", old, err)
	}
	tombstone, err := t.next().DocumentRevision(t.Context(), "note", "k", 2)
	if err != nil || !tombstone.Deleted || len(tombstone.Value) != 0 {
		t.Errorf("the deletion: %+v, %v", tombstone, err)
	}
}

func (t documentTest) list() {
	keys := []string{"acme/a", "acme/b-1", "acme/b/c", "acme/b0", "acme-2/a", "globex/é", "globex/z"}
	for _, key := range rand.Perm(len(keys)) { //nolint:gosec // any order does
		t.put(saving(keys[key], "x", documents.Absent))
	}
	t.put(saving("acme/gone", "x", documents.Absent))
	t.put(deleting("acme/gone", 1))
	slices.Sort(keys)
	if got := t.keysOf("note", "", "", 100); got != strings.Join(keys, " ") {
		t.Errorf("all: %s", got)
	}
	for prefix, want := range map[string]string{
		"acme/": "acme/a acme/b-1 acme/b/c acme/b0", "acme": "acme-2/a acme/a acme/b-1 acme/b/c acme/b0", "acme/b": "acme/b-1 acme/b/c acme/b0",
		"globex/": "globex/z globex/é", "x": "", "acme/%": "", "acme/_": "",
	} {
		if got := t.keysOf("note", prefix, "", 100); got != want {
			t.Errorf("below %q: %s", prefix, got)
		}
		var paged []string
		for after := ""; ; {
			page := t.keysOf("note", prefix, after, 1)
			if page == "" {
				break
			}
			paged, after = append(paged, page), page
		}
		if got := strings.Join(paged, " "); got != want {
			t.Errorf("below %q in pages of one: %s", prefix, got)
		}
	}
	if got := t.keysOf("note", "acme/", "zzz", 10) + t.keysOf("other", "", "", 10); got != "" {
		t.Errorf("after the last, and of another kind: %s", got)
	}
	if got := t.keysOf("note", "acme/b", "acme/a", 10); got != "acme/b-1 acme/b/c acme/b0" {
		t.Errorf("after one before the prefix: %s", got)
	}
	many := t.next()
	for i := range 450 { // more than a store looks at in one go
		w := saving(fmt.Sprintf("many/%03d", i), "x", documents.Absent)
		w.Keep = 0
		if _, err := many.PutDocument(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Fields(t.keysOf("note", "many/", "many/009", 1000)); len(got) != 440 || got[0] != "many/010" {
		t.Errorf("%d of many", len(got))
	}
}

func (t documentTest) names() {
	other := saving("a", "other", documents.Absent)
	other.Kind = "not"
	t.put(other)
	t.put(saving("a", "one", documents.Absent))
	t.put(saving("a", "two", 1))
	t.put(saving("ab", "x", documents.Absent))
	t.put(saving("a/b", "x", documents.Absent))
	t.put(deleting("ab", 1))
	if got := t.revisionsOf("a", 0, 10); got != "2 1" {
		t.Errorf("revisions of a: %s", got)
	}
	if got := t.keysOf("not", "", "", 10); got != "a" {
		t.Errorf("of the other kind: %s", got)
	}
}

func (t documentTest) revisionsOf(key string, before int64, limit int) string {
	t.Helper()
	found, err := t.next().DocumentRevisions(t.Context(), "note", key, before, limit)
	if err != nil || found == nil {
		t.Fatal(found, err)
	}
	numbers := []string{}
	for _, one := range found {
		if one.Value != nil || one.Key != key || one.Kind != "note" {
			t.Errorf("the revisions have %+v", one)
		}
		numbers = append(numbers, fmt.Sprint(one.Revision))
	}
	return strings.Join(numbers, " ")
}

func (t documentTest) revisions() {
	w := saving("k", "", documents.Whatever)
	for i := range 6 {
		w.Value, w.Keep, w.Note = []byte(fmt.Sprint(i+1)), 3, fmt.Sprint("note ", i+1)
		t.put(w)
	}
	if got := t.revisionsOf("k", 0, 10); got != "6 5 4" {
		t.Errorf("kept: %s", got)
	}
	listed, err := t.next().DocumentRevisions(t.Context(), "note", "k", 0, 1)
	if err != nil || listed[0].Digest != sha256.Sum256([]byte("6")) || listed[0].Note != "note 6" || listed[0].Deleted {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	for number := int64(-1); number <= 8; number++ {
		got, err := t.next().DocumentRevision(t.Context(), "note", "k", number)
		switch kept := number >= 4 && number <= 6; {
		case kept && (err != nil || string(got.Value) != fmt.Sprint(number) || got.Note != fmt.Sprint("note ", number)):
			t.Errorf("revision %d: %+v, %v", number, got, err)
		case !kept && !errors.Is(err, documents.ErrNotFound):
			t.Errorf("revision %d: %v", number, err)
		}
	}
	w.Keep, w.Value = 1, []byte("alone")
	t.put(w)
	if got := t.revisionsOf("k", 0, 10); got != "" {
		t.Errorf("kept beside one that is alone: %s", got)
	}
	if got, err := t.next().DocumentRevision(t.Context(), "note", "k", 7); err != nil || string(got.Value) != "alone" {
		t.Errorf("the one that is alone: %+v, %v", got, err)
	}
	if got := t.revisionsOf("none", 0, 10); got != "" {
		t.Errorf("of none: %s", got)
	}
}

func (t documentTest) revisionPages() {
	w := saving("k", "x", documents.Whatever)
	w.Keep = 100
	for range 12 {
		t.put(w)
	}
	after := saving("l", "x", documents.Absent)
	t.put(after)
	var pages []string
	for _, before := range []int64{0, 8, 3, 1} {
		pages = append(pages, t.revisionsOf("k", before, 5))
	}
	if got := strings.Join(pages, " | "); got != "12 11 10 9 8 | 7 6 5 4 3 | 2 1 | " {
		t.Errorf("in pages: %s", got)
	}
	if got := t.revisionsOf("k", 1000, 3); got != "12 11 10" {
		t.Errorf("before one that is to come: %s", got)
	}
}

func (t documentTest) refusals() {
	for name, change := range map[string]func(*documents.Write){
		"no key":                func(w *documents.Write) { w.Key = "" },
		"a key of 256 bytes":    func(w *documents.Write) { w.Key = strings.Repeat("k", documents.MaxKey+1) },
		"a key with NUL":        func(w *documents.Write) { w.Key = "a\x00b" },
		"a key that is no text": func(w *documents.Write) { w.Key = "a\xff" },
		"no kind":               func(w *documents.Write) { w.Kind = "" },
		"too large":             func(w *documents.Write) { w.Value = make([]byte, documents.MaxValue+1) },
		"a note with NUL":       func(w *documents.Write) { w.Note = "\x00" },
		"a long note":           func(w *documents.Write) { w.Note = strings.Repeat("n", documents.MaxNote+1) },
		"an odd revision":       func(w *documents.Write) { w.If = -2 },
	} {
		w := saving("k", "x", documents.Absent)
		change(&w)
		if _, err := t.next().PutDocument(t.Context(), w); !errors.Is(err, documents.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := t.keysOf("note", "", "", 10); got != "" {
		t.Errorf("kept all the same: %s", got)
	}
	for _, key := range []string{"a\x00b", "\xff"} {
		if _, err := t.next().GetDocument(t.Context(), "note", key); !errors.Is(err, documents.ErrNotFound) {
			t.Errorf("get %q: %v", key, err)
		}
	}
}
