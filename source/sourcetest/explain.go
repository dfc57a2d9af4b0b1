package sourcetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// testExplain asks a query that can explain itself for the plans of statements that would not end, that would fail, and whose
// argument nobody may see.
func testExplain(t *testing.T, db Database) {
	s := open(t, db, 1)
	explain := func(ctx context.Context, query source.Query, args ...source.Argument) (string, error) {
		t.Helper()
		explainer, ok := query.(source.Explainer)
		if !ok {
			return "", errors.ErrUnsupported
		}
		if _, err := query.Check(ctx); err != nil { // as before every run
			t.Fatalf("Check: %v", err)
		}
		return explainer.Explain(ctx, source.Call{Args: args})
	}
	endless := compile(t, s, source.Statement{SQL: db.Endless})
	begun := time.Now()
	plan, err := explain(context.Background(), endless)
	if errors.Is(err, errors.ErrUnsupported) {
		return // it is optional
	}
	if err != nil || strings.TrimSpace(plan) == "" {
		t.Errorf("the plan of a statement that does not end: %q, %v", plan, err)
	}
	inTime(t, db, "a plan", time.Since(begun))
	if plan, err := explain(context.Background(), compile(t, s, source.Statement{SQL: db.Fails})); err != nil || plan == "" {
		t.Errorf("the plan of a statement that fails when it runs: %q, %v", plan, err)
	}
	for value, argument := range map[string]source.Argument{
		"it's \"secret\"\n(cost=secret": {Type: source.ParamString, Text: "it's \"secret\"\n(cost=secret"},
		"774411":                        integer(774411),
	} {
		query := compile(t, s, source.Statement{SQL: db.Echo[argument.Type], Params: []source.Param{{Name: "p", Type: argument.Type}}})
		plan, err := explain(context.Background(), query, argument)
		if err != nil || plan == "" {
			t.Errorf("the plan of a statement with a parameter: %q, %v", plan, err)
		}
		if strings.Contains(plan, "secret") || strings.Contains(plan, value) {
			t.Errorf("the plan shows the value %s:\n%s", value, plan)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	explainer := endless.(source.Explainer)
	if _, err := explainer.Explain(ctx, source.Call{}); !errors.Is(err, context.Canceled) {
		t.Errorf("under a context that has ended: %v", err)
	}
	if rows := run(t, counting(t, db, s, 10), integer(3)).rows; len(rows) != 3 {
		t.Errorf("afterwards a run has %d rows", len(rows))
	}
}
