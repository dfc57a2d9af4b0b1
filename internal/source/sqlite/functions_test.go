package sqlite

import (
	"fmt"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"pgregory.net/rapid"
)

// TestFunctionsAreThoseOfSQLite holds the functions that replace SQLite's own against them.
func TestFunctionsAreThoseOfSQLite(t *testing.T) {
	connection := func() *sqlite3.Conn {
		db, err := sqlite3.Open(":memory:")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	theirs, ours := connection(), connection()
	if err := registerFunctions(ours); err != nil {
		t.Fatal(err)
	}
	ask := func(rt *rapid.T, db *sqlite3.Conn, sql string) string {
		stmt, _, err := db.Prepare(sql)
		if err != nil {
			rt.Fatalf("%s: %v", sql, err)
		}
		defer stmt.Close()
		if !stmt.Step() {
			rt.Fatalf("%s: no row: %v", sql, stmt.Err())
		}
		return stmt.ColumnType(0).String() + " " + stmt.ColumnText(0)
	}
	argument := rapid.Custom(func(rt *rapid.T) string {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("aabé日🙂 1\x00")), 0, 6, -1).Draw(rt, "text")
		return rapid.SampledFrom([]string{
			"NULL", "1", "-1.5", fmt.Sprintf("CAST(x'%x' AS TEXT)", text), fmt.Sprintf("CAST(x'%x' AS TEXT)", text), fmt.Sprintf("x'%x'", text),
		}).Draw(rt, "argument")
	})
	rapid.Check(t, func(rt *rapid.T) {
		a, b, c := argument.Draw(rt, "a"), argument.Draw(rt, "b"), argument.Draw(rt, "c")
		for _, sql := range []string{
			fmt.Sprintf("SELECT instr(%s, %s)", a, b), fmt.Sprintf("SELECT hex(replace(%s, %s, %s))", a, b, c),
			fmt.Sprintf("SELECT hex(trim(%s, %s))", a, b), fmt.Sprintf("SELECT hex(ltrim(%s, %s))", a, b), fmt.Sprintf("SELECT hex(rtrim(%s, %s))", a, b),
			fmt.Sprintf("SELECT typeof(replace(%s, %s, %s)) || typeof(trim(%s, %s))", a, b, c, a, b),
		} {
			if got, want := ask(rt, ours, sql), ask(rt, theirs, sql); got != want {
				rt.Errorf("%s is %s, and SQLite's is %s", sql, got, want)
			}
		}
	})
}
