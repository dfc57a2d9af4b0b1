package pgstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
)

func TestDocumentStore(t *testing.T) {
	for _, values := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d stores", values), func(t *testing.T) {
			t.Parallel()
			db, schema := pgtest.New(t), newSchema()
			storetest.DocumentStore(t, func(t *testing.T) ([]documents.Store, func() []documents.Store) {
				t.Helper()
				empty(t, db.AdminDSN, schema)
				open := func() (opened []documents.Store) {
					for range values {
						opened = append(opened, openStore(t, db.AdminDSN, schema))
					}
					return opened
				}
				return open(), open
			})
		})
	}
}

// TestServersHearOfDocuments holds the servers of a store to hearing of each change by its name, their own included.
func TestServersHearOfDocuments(t *testing.T) {
	t.Parallel()
	db, schema := pgtest.New(t), newSchema()
	values := []*pgstore.Store{openStore(t, db.AdminDSN, schema), openStore(t, db.AdminDSN, schema)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	heard := make(chan string, 100)
	for i, value := range values {
		go value.Follow(ctx, func(_ context.Context, changes []store.Change) error {
			for _, change := range changes {
				if change.Kind == store.Documents {
					kind, key := store.DocumentOf(change.Key)
					heard <- fmt.Sprint(i, " ", kind, " ", key)
				}
			}
			return nil
		})
	}
	write := documents.Write{Kind: documents.Endpoint, Key: "acme/default/x", Value: []byte("x"), If: documents.Absent, Stamp: documents.Stamp{At: time.Now()}}
	if _, err := values[0].PutDocument(ctx, write); err != nil {
		t.Fatal(err)
	}
	if _, err := values[0].PutDocument(ctx, write); err == nil {
		t.Fatal("made twice")
	}
	got := make(map[string]int)
	for len(got) < 2 {
		select {
		case one := <-heard:
			got[one]++
		case <-time.After(time.Minute):
			t.Fatal(got)
		}
	}
	if got["0 endpoint acme/default/x"] != 1 || got["1 endpoint acme/default/x"] != 1 {
		t.Error(got)
	}
}
