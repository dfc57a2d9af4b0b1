package postgres_test

import (
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// TestPlanShowsNoValues: planning puts values into conditions, and what it has computed of them.
func TestPlanShowsNoValues(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE "it's 2 (cost=" (id bigint PRIMARY KEY, name text, born date, tags text[], "an""other" numeric);
		INSERT INTO "it's 2 (cost=" SELECT i, 'n' || i, '2000-01-01'::date + i, ARRAY['x'], i FROM generate_series(1, 10000) AS i; ANALYZE "it's 2 (cost=";
		GRANT SELECT ON "it's 2 (cost=" TO ` + pgtest.ReaderRole)
	s := open(t, db, func(*postgres.Config) {})
	query := compile(t, s, `SELECT id FROM "it's 2 (cost=" WHERE id = @n AND name <> upper(@name) AND born > @day AND tags && ARRAY[@name] AND "an""other" > @d / 2`,
		n, source.Param{Name: "name", Type: source.ParamString}, source.Param{Name: "day", Type: source.ParamDate}, source.Param{Name: "d", Type: source.ParamDecimal})
	if _, err := query.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan, err := query.(source.Explainer).Explain(t.Context(), source.Call{Args: []source.Argument{
		number(4242), {Type: source.ParamString, Text: "it's\n(cost='4343\\"}, {Type: source.ParamDate, Text: "2044-04-04"}, {Type: source.ParamDecimal, Text: "-88.5"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"4242", "4343", "2044", "44.25", "88", "IT"} {
		if strings.Contains(plan, value) {
			t.Errorf("the plan shows %s", value)
		}
	}
	for _, want := range []string{`Index Scan using "it's 2 (cost=_pkey" on "it's 2 (cost="  (cost=0.`, "rows=1 width=8)\n", "Index Cond: (id = ?::bigint)", `"an""other"`} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not show %s", want)
		}
	}
	t.Log("\n" + plan)
}
