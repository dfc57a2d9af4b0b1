package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
)

func (t documentTest) sweep() {
	for i := range 5 {
		key := fmt.Sprint("k", i)
		t.put(saving(key, "x", documents.Absent))
		gone := deleting(key, 1)
		gone.At = start.Add(time.Duration(i) * time.Hour)
		t.put(gone)
	}
	t.put(saving("k0", "again", documents.Absent)) // it is there, whenever it was deleted
	t.put(saving("stays", "x", documents.Absent))
	steps := 0
	for more := true; more; steps++ {
		var err error
		if more, err = t.next().SweepDocuments(t.Context(), start.Add(3*time.Hour), 1); err != nil {
			t.Fatal(err)
		}
	}
	if steps != 3 {
		t.Errorf("it took %d steps to forget two", steps)
	}
	for key, want := range map[string]string{"k0": "3 2 1", "k1": "", "k2": "", "k3": "2 1", "k4": "2 1", "stays": "1"} {
		if got := t.revisionsOf(key, 0, 10); got != want {
			t.Errorf("revisions of %s: %q, want %q", key, got, want)
		}
	}
	if again := t.put(saving("k1", "new", documents.Absent)); again.Revision != 1 {
		t.Errorf("what was forgotten begins at %d", again.Revision)
	}
	if got := t.keysOf("note", "", "", 10); got != "k0 k1 stays" {
		t.Errorf("there are %s", got)
	}
}

func (t documentTest) madeOnce() {
	const makers = 12
	var made, refused atomic.Int64
	var group sync.WaitGroup
	for i := range makers {
		value := t.values[i%len(t.values)]
		group.Go(func() {
			_, err := value.PutDocument(context.Background(), saving("k", fmt.Sprint(i), documents.Absent))
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, documents.ErrConflict):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 || refused.Load() != makers-1 {
		t.Errorf("%d have made it, %d were refused", made.Load(), refused.Load())
	}
}

// noneLost adds to a list at several values at once, each reading what there is before it writes.
func (t documentTest) noneLost() {
	const writers, each = 4, 10
	t.put(saving("k", "", documents.Absent))
	var group sync.WaitGroup
	for i := range writers {
		value := t.values[i%len(t.values)]
		group.Go(func() {
			for n := 0; n < each; {
				current, err := value.GetDocument(context.Background(), "note", "k")
				if err != nil {
					t.Error(err)
					return
				}
				w := saving("k", fmt.Sprintf("%s %d.%d", current.Value, i, n), current.Revision)
				switch _, err := value.PutDocument(context.Background(), w); {
				case err == nil:
					n++
				case !errors.Is(err, documents.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	got, err := t.next().GetDocument(t.Context(), "note", "k")
	if err != nil || len(strings.Fields(string(got.Value))) != writers*each || got.Revision != writers*each+1 {
		t.Errorf("%d of %d are there, at revision %d: %v", len(strings.Fields(string(got.Value))), writers*each, got.Revision, err)
	}
}

// random compares calls to changing values with what a simple model says.
func (t documentTest) random() {
	model := make(map[string]documents.Document)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for step := range 400 {
		key := fmt.Sprint("k", random.IntN(4))
		w := saving(key, fmt.Sprint("value ", step), int64(random.IntN(6))-1)
		w.Keep = 1 + random.IntN(4)
		if current := model[key]; random.IntN(2) == 0 {
			w.If = current.Revision
		}
		w.Delete = random.IntN(4) == 0
		want, wantErr := w.Next(model[key])
		got, err := t.next().PutDocument(t.Context(), w)
		switch {
		case wantErr == nil && (err != nil || !reflect.DeepEqual(got, want)):
			t.Fatalf("step %d: %v\n got %+v\nwant %+v", step, err, got, want)
		case wantErr != nil && (err == nil || err.Error() != wantErr.Error()):
			t.Fatalf("step %d: got %v, want %v", step, err, wantErr)
		case wantErr == nil:
			model[key] = want
		}
		kept, err := t.next().GetDocument(t.Context(), "note", key)
		if there := model[key].Revision > 0 && !model[key].Deleted; there != (err == nil) || there && !reflect.DeepEqual(kept, model[key]) {
			t.Fatalf("step %d: %v\n got %+v\nwant %+v", step, err, kept, model[key])
		}
	}
}

func (t documentTest) contextEnded() {
	t.put(saving("k", "one", documents.Absent))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := t.next().PutDocument(ended, saving("k", "two", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if _, err := t.next().GetDocument(ended, "note", "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	if _, err := t.next().ListDocuments(ended, "note", "", "", 10); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if _, err := t.next().DocumentRevisions(ended, "note", "k", 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("revisions: %v", err)
	}
	if got, err := t.next().GetDocument(t.Context(), "note", "k"); err != nil || string(got.Value) != "one" {
		t.Errorf("%+v, %v", got, err)
	}
}
