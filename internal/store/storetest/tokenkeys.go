package storetest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/token"
)

// TokenKeyStore tests an implementation of [token.KeyStore]. open returns an empty store, and a function that closes it
// and opens it again as a restarted process would.
func TokenKeyStore(t *testing.T, open func(t *testing.T) (store token.KeyStore, reopen func() token.KeyStore)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, token.KeyStore, func() token.KeyStore){
		"a new store has no keys":                     testNoTokenKeys,
		"keys come back as they were, in their order": testTokenKeysComeBack,
		"a change replaces all keys":                  testTokenKeysAreReplaced,
		"a change that fails keeps nothing":           testFailedTokenKeyChange,
		"concurrent changes all count":                testTokenKeysConcurrently,
		"a context that has ended changes nothing":    testTokenKeysContextEnded,
	} {
		t.Run(name, func(t *testing.T) {
			store, reopen := open(t)
			test(t, store, reopen)
		})
	}
}

// tokenKey makes a record of a key that begins to sign some time after keyEpoch.
func tokenKey(tb testing.TB, seed byte, after time.Duration) token.KeyRecord {
	tb.Helper()
	record, err := token.NewKeyRecord(token.EdDSA, bytes.Repeat([]byte{seed}, 32), keyEpoch)
	if err != nil {
		tb.Fatal(err)
	}
	record.SignsFrom = keyEpoch.Add(after)
	record.LongestToken = 90*time.Minute + time.Second
	return record
}

func mustUpdateTokenKeys(tb testing.TB, store token.KeyStore, change func([]token.KeyRecord) []token.KeyRecord) []token.KeyRecord {
	tb.Helper()
	records, err := store.UpdateTokenKeys(tb.Context(), func(records []token.KeyRecord) ([]token.KeyRecord, error) {
		return change(records), nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return records
}

func wantTokenKeys(tb testing.TB, store token.KeyStore, want ...token.KeyRecord) {
	tb.Helper()
	got, err := store.TokenKeys(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		tb.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func replaceBy(records ...token.KeyRecord) func([]token.KeyRecord) []token.KeyRecord {
	return func([]token.KeyRecord) []token.KeyRecord { return records }
}

func testNoTokenKeys(t *testing.T, store token.KeyStore, reopen func() token.KeyStore) {
	wantTokenKeys(t, store)
	wantTokenKeys(t, reopen())
}

func testTokenKeysComeBack(t *testing.T, store token.KeyStore, reopen func() token.KeyStore) {
	first, second, third := tokenKey(t, 1, 0), tokenKey(t, 2, time.Microsecond), tokenKey(t, 3, time.Hour)
	first.SignsUntil = second.SignsFrom
	second.SignsUntil = third.SignsFrom
	third.LongestToken = 0
	got := mustUpdateTokenKeys(t, store, replaceBy(third, first, second))
	if want := []token.KeyRecord{first, second, third}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	wantTokenKeys(t, store, first, second, third)
	wantTokenKeys(t, reopen(), first, second, third)

	// Kept to the microsecond and in UTC.
	odd := tokenKey(t, 4, 0)
	odd.PublishedAt = start
	kept := odd
	kept.PublishedAt = start.UTC().Truncate(time.Microsecond)
	store = reopen()
	mustUpdateTokenKeys(t, store, replaceBy(odd))
	wantTokenKeys(t, store, kept)
}

func testTokenKeysAreReplaced(t *testing.T, store token.KeyStore, reopen func() token.KeyStore) {
	first, second := tokenKey(t, 1, 0), tokenKey(t, 2, time.Minute)
	mustUpdateTokenKeys(t, store, replaceBy(first))
	first.SignsUntil = second.SignsFrom
	mustUpdateTokenKeys(t, store, func(records []token.KeyRecord) []token.KeyRecord {
		records[0].SignsUntil = second.SignsFrom
		return append(records, second)
	})
	wantTokenKeys(t, store, first, second)
	mustUpdateTokenKeys(t, store, func(records []token.KeyRecord) []token.KeyRecord { return records[1:] })
	wantTokenKeys(t, store, second)
	wantTokenKeys(t, reopen(), second)
	store = reopen()
	mustUpdateTokenKeys(t, store, replaceBy())
	wantTokenKeys(t, store)
}

func testFailedTokenKeyChange(t *testing.T, store token.KeyStore, reopen func() token.KeyStore) {
	first := tokenKey(t, 1, 0)
	mustUpdateTokenKeys(t, store, replaceBy(first))
	failure := errors.New("no")
	_, err := store.UpdateTokenKeys(t.Context(), func(records []token.KeyRecord) ([]token.KeyRecord, error) {
		records[0].SignsUntil = keyEpoch
		return records[:0], failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want the error of the change", err)
	}
	wantTokenKeys(t, store, first)
	wantTokenKeys(t, reopen(), first)
}

func testTokenKeysConcurrently(t *testing.T, store token.KeyStore, _ func() token.KeyStore) {
	const changes = 20
	var group sync.WaitGroup
	for i := range changes {
		record := tokenKey(t, byte(10+i), time.Duration(i)*time.Second)
		group.Go(func() {
			_, err := store.UpdateTokenKeys(context.Background(), func(records []token.KeyRecord) ([]token.KeyRecord, error) {
				return append(records, record), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	records, err := store.TokenKeys(t.Context())
	if err != nil || len(records) != changes {
		t.Errorf("%d of %d keys are kept: %v", len(records), changes, err)
	}
}

func testTokenKeysContextEnded(t *testing.T, store token.KeyStore, _ func() token.KeyStore) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.TokenKeys(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v", err)
	}
	_, err := store.UpdateTokenKeys(ended, func([]token.KeyRecord) ([]token.KeyRecord, error) {
		t.Error("the change ran")
		return nil, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("writing: %v", err)
	}
	wantTokenKeys(t, store)
}
