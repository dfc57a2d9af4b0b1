package caddymodule

import "testing"

// TestKindsDoNotShareSources: two modules may have the same key, and are two databases.
func TestKindsDoNotShareSources(t *testing.T) {
	if one, other := sourceKind(new(SQLiteSource)), sourceKind(new(PostgresSource)); one == other {
		t.Errorf("both are %s", one)
	}
}
