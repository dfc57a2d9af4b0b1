package statement

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/source"
)

// TestRefusedFunctionsAreFoundHoweverTheyAreWritten spells calls in every way in which PostgreSQL reads them.
func TestRefusedFunctionsAreFoundHoweverTheyAreWritten(t *testing.T) {
	refused := make([]string, 0, len(refusedFunctions))
	for name := range refusedFunctions {
		refused = append(refused, name)
	}
	slices.Sort(refused)
	before := []string{"SELECT ", "SELECT é, ", "SELECT\n", "SELECT pg_catalog.", "SELECT pg_catalog . ", "SELECT 'a'||", "SELECT $a$ $a$", "SELECT 1+", "SELECT -- x\n", "SELECT ("}
	between := []string{"", " ", "\n", "\t\r\f\v ", "/* ( */", "-- x\n", " /* /* */ */ "}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(refused).Draw(rt, "name")
		start := rapid.SampledFrom(before).Draw(rt, "before")
		var written strings.Builder
		for _, letter := range name {
			if rapid.Bool().Draw(rt, "upper") {
				letter = []rune(strings.ToUpper(string(letter)))[0]
			}
			written.WriteRune(letter)
		}
		spelled := written.String()
		if rapid.Bool().Draw(rt, "quoted") {
			spelled = `"` + name + `"`
		}
		sql := start + spelled + rapid.SampledFrom(between).Draw(rt, "between") + "('x') AS a"
		_, err := NamesIn(sql)
		fault, ok := errors.AsType[*source.StatementError](err)
		if !ok || !strings.Contains(fault.Message, name) || !strings.HasPrefix(strings.ToLower(sql[fault.Offset:]), name) {
			rt.Errorf("%s: got %v", sql, err)
		}
	})
}

func TestNamesOfOrdinaryStatements(t *testing.T) {
	for _, sql := range []string{
		"SELECT set_config FROM settings", "SELECT nextval, count(*) FROM nextvals GROUP BY nextval", "SELECT 'nextval' AS a, lo_get(1) AS b",
		"SELECT u & \"b\" AS a FROM t", "SELECT dblinks.a FROM dblinks",
	} {
		if _, err := NamesIn(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	found, err := NamesIn(`SELECT f(a), "My Func" ( b ), g$h(c), x."Table" FROM T`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "My Func", "g$h"} {
		if !slices.Contains(found.All, name) || !slices.Contains(found.Calls, name) {
			t.Errorf("%s is missing in %q or %q", name, found.All, found.Calls)
		}
	}
	for _, name := range []string{"a", "Table", "t"} {
		if !slices.Contains(found.All, name) || slices.Contains(found.Calls, name) {
			t.Errorf("%s is missing in %q, or one of %q", name, found.All, found.Calls)
		}
	}
}
