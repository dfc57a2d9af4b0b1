package cli

import (
	"slices"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

// TestProblemsOfTheStore: a store that is away is one problem, on one line, whatever the database's driver says of it.
func TestProblemsOfTheStore(t *testing.T) {
	t.Parallel()
	const away = "the store is unavailable: failed to connect:\n\t127.0.0.1:5432: refused\n\t[::1]:5432: refused"
	const told = "store: the store is unavailable: failed to connect: 127.0.0.1:5432: refused [::1]:5432: refused"
	for _, test := range []struct {
		store, jobs string
		want        []string
	}{
		{"", "", nil},
		{away, away, []string{told}},
		{away, "", []string{told}},
		{away, "too\nslow", []string{told, "jobs: too slow"}},
		{"", "too slow", []string{"jobs: too slow"}},
	} {
		got := problemsOf(admin.Status{Store: admin.StoreState{Error: test.store}, Jobs: admin.JobCounts{Error: test.jobs}})
		if !slices.Equal(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
