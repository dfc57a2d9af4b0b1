package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/source"
)

// A parameter has the type that it is declared with. Where the statement counts on another one, the fault says how the
// parameter is bound and what to write; what is advised is accepted.
func TestTypeMismatchesSayHowParametersAreBound(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TYPE order_status AS ENUM ('open', 'lost');
		CREATE TABLE orders (id int, status order_status, doc jsonb, city text, day date, at timestamptz, price numeric);
		GRANT SELECT ON orders TO data_api_reader`)
	s := open(t, db)
	for _, test := range []struct{ sql, want, mended string }{
		{
			"SELECT id FROM orders WHERE status = @s",
			"operator does not exist: order_status = text. @s is bound as text: write @s::order_status",
			"SELECT id FROM orders WHERE status = @s::order_status",
		},
		{"SELECT id FROM orders WHERE @s = status", "@s is bound as text: write @s::order_status", ""},
		{
			"SELECT id FROM orders WHERE doc @> @s", "@s is bound as text: write @s::jsonb",
			"SELECT id FROM orders WHERE doc @> @s::jsonb",
		},
		{
			"SELECT id FROM orders WHERE city = @s AND city = @list", "@list is bound as text[], an array: write = ANY (@list)",
			"SELECT id FROM orders WHERE city = @s AND city = ANY (@list)",
		},
		{"SELECT id FROM orders WHERE city IN (@list)", "@list is bound as text[], an array: write = ANY (@list)", ""},
		{
			"SELECT id FROM orders WHERE city <> @list", "@list is bound as text[], an array: write <> ALL (@list)",
			"SELECT id FROM orders WHERE city <> ALL (@list)",
		},
		{
			"SELECT id FROM orders WHERE city = ANY (@s)", "@s is bound as text, which is no array: declare it as array<string>, or compare it without ANY",
			"SELECT id FROM orders WHERE city = ANY (@list)",
		},
		{
			"SELECT make_date(@n, 1, 1) AS d", "@n is bound as bigint: cast what the function takes otherwise, such as @n::int",
			"SELECT make_date(@n::int, 1, 1) AS d",
		},
		{
			"SELECT at - @n AS x FROM orders", "@n is bound as bigint: a number of days is @n * interval '1 day'",
			"SELECT at - @n * interval '1 day' AS x FROM orders",
		},
		{"SELECT day - @n AS x FROM orders", "@n is bound as bigint: write @n::int", "SELECT day - @n::int AS x FROM orders"},
		{
			"SELECT CASE WHEN id = 1 THEN @s ELSE id END AS x FROM orders", "CASE types integer and text cannot be matched. @s is bound as text: cast it, or declare it otherwise",
			"SELECT CASE WHEN id = 1 THEN @s::int ELSE id END AS x FROM orders",
		},
		{"SELECT id FROM orders LIMIT @s", "@s is bound as text: cast it, or declare it otherwise", "SELECT id FROM orders LIMIT @s::int"},
		{
			"SELECT @f::jsonb AS x", "cannot cast type numeric to jsonb. @f is bound as numeric: declare it as string, which can be cast to every type",
			"SELECT @s::jsonb AS x",
		},
		{"SELECT @n::order_status AS x", "@n is bound as bigint: declare it as string, which can be cast to every type", ""},
		{"SELECT id = city AS x FROM orders WHERE city = @s", "operator does not exist: integer = text. No operator matches", ""},
	} {
		message := checkMessage(t, s, test.sql)
		if !strings.Contains(message, test.want) || strings.Contains(message, "bound as") && strings.Contains(message, "You might need") {
			t.Errorf("%s\n got  %s\n want %s", test.sql, message, test.want)
		}
		if test.mended != "" {
			if message := checkMessage(t, s, test.mended); message != "" {
				t.Errorf("%s is advised, and has the fault %s", test.mended, message)
			}
		}
	}
}

// checkMessage is the fault of a statement, or "".
func checkMessage(t *testing.T, s source.Source, sql string) string {
	t.Helper()
	var used []source.Param
	for _, param := range []source.Param{
		{Name: "s", Type: source.ParamString}, {Name: "n", Type: source.ParamInteger}, {Name: "f", Type: source.ParamDecimal},
		{Name: "list", Type: source.ParamString, Array: true},
	} {
		if strings.Contains(sql, "@"+param.Name) {
			used = append(used, param)
		}
	}
	query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1, Params: used})
	if err == nil {
		_, err = query.Check(t.Context())
	}
	if err == nil {
		return ""
	}
	fault, ok := errors.AsType[*source.StatementError](err)
	if !ok {
		t.Fatalf("%s: %v", sql, err)
	}
	return fault.Message
}
