package documents

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// Library is the documents of a store, and those who want to know when one has changed. It is safe for concurrent use.
type Library struct {
	Store
	now func() time.Time

	mu        sync.Mutex
	listeners map[*func(Kind, string)]struct{}
}

// New returns the documents of a store, which stays the caller's.
func New(store Store, now func() time.Time) *Library {
	return &Library{Store: store, now: now, listeners: make(map[*func(Kind, string)]struct{})}
}

// Put makes a change as [Store.PutDocument] does, at this moment unless the change says when, keeps as many revisions as the
// kind has, and tells the listeners before it returns.
func (d *Library) Put(ctx context.Context, w Write) (Document, error) {
	if w.At.IsZero() {
		w.At = d.now()
	}
	w.Keep = cmp.Or(w.Keep, revisionsKept[w.Kind], 1)
	written, err := d.PutDocument(ctx, w)
	if err != nil {
		return Document{}, err
	}
	d.Changed(w.Kind, w.Key)
	return written, nil
}

// All returns every document of a kind whose key begins with a prefix.
func (d *Library) All(ctx context.Context, kind Kind, prefix string) (all []Document, err error) {
	const page = 500
	for after := ""; ; {
		found, err := d.ListDocuments(ctx, kind, prefix, after, page)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) < page {
			return all, nil
		}
		after = found[len(found)-1].Key
	}
}

// OnChange calls listener with each document that has changed, here or on another server of the store; with an empty key: any of
// the kind may have. It may be called for a change more than once, and for several at the same time. It should not block for
// long: the change's author waits for it. The function that it returns ends that.
func (d *Library) OnChange(listener func(kind Kind, key string)) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners[&listener] = struct{}{}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.listeners, &listener)
	}
}

// Changed tells the listeners of a change that another server has made.
func (d *Library) Changed(kind Kind, key string) {
	d.mu.Lock()
	told := make([]func(Kind, string), 0, len(d.listeners))
	for listener := range d.listeners {
		told = append(told, *listener)
	}
	d.mu.Unlock()
	for _, listener := range told {
		listener(kind, key)
	}
}
