package sourcetest

import (
	"context"
	"errors"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// testVersion asks two sources, as two processes would. Both are told the same version while the schema is the same, whatever is run,
// and another one when it is not.
func testVersion(t *testing.T, db Database) {
	s := open(t, db, 1)
	versioned, ok := s.(source.Versioned)
	if !ok {
		return // it is optional
	}
	if _, err := versioned.Version(t.Context()); errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if db.Alter == nil {
		t.Fatal("Database.Alter is missing: a function that changes the schema, since the source tells a version")
	}
	other := open(t, db, 1)
	before := steadyVersion(t, db, s, other)
	db.Alter(t)
	if after := steadyVersion(t, db, s, other); after == before {
		t.Errorf("the version is %q before the schema was changed and afterwards", before)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := versioned.Version(ended); err == nil {
		t.Error("it does not obey its context")
	}
}

// steadyVersion returns what both sources tell. It asks a few times, since a version may change more often than the schema that
// the suite knows of, as when other tests share the server.
func steadyVersion(t *testing.T, db Database, one, other source.Source) string {
	t.Helper()
	var first, second string
	for range 20 {
		first = versionOf(t, one)
		query := compile(t, one, source.Statement{SQL: db.Empty})
		if _, err := query.Check(t.Context()); err != nil {
			t.Fatalf("Check: %v", err)
		}
		run(t, query)
		if second = versionOf(t, other); first == second {
			return first
		}
	}
	t.Fatalf("the version is never twice the same: last %q and %q", first, second)
	return ""
}

func versionOf(t *testing.T, s source.Source) string {
	t.Helper()
	version, err := s.(source.Versioned).Version(t.Context()) //nolint:forcetypeassert // the caller has looked
	if err != nil {
		t.Fatalf("Version: %v", err)
	}
	if version == "" {
		t.Error("the version is empty")
	}
	return version
}
