package postgres_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// callerValues are statements that work with one value of @s or @n and not with another.
var callerValues = []struct {
	state string // SQLSTATE of the refusal
	sql   string
	good  source.Argument
	bad   []source.Argument
}{
	{"22P02", "SELECT @s::order_status AS v", text("paid"), textsOf("lost", "", "PAID", "€")},
	{"22P02", "SELECT @s::jsonb AS v", text(`{"a":1}`), textsOf("{", "", "'", `{"a":}`, "nul")},
	{"22P02", "SELECT @s::json AS v", text(`[1]`), textsOf("[1,", "{a:1}")},
	{"22P05", "SELECT @s::jsonb AS v", text(`"\u0041"`), textsOf(`"\u0000"`)},
	{"22P02", "SELECT @s::inet AS v", text("10.0.0.1"), textsOf("10.0.0.256", "localhost")},
	{"22P02", "SELECT @s::uuid AS v", text("550e8400-e29b-41d4-a716-446655440000"), textsOf("550e8400")},
	{"22P02", "SELECT @s::int AS v", text("7"), textsOf("seven", "7.5", " ")},
	{"22P02", "SELECT @s::int[] AS v", text("{1,2}"), textsOf("1,2", "{1,")},
	{"22P02", "SELECT @s::point AS v", text("(1,2)"), textsOf("1")},
	{"22P02", "SELECT @s::bool AS v", text("yes"), textsOf("maybe")},
	{"22P02", "SELECT @s::bit(3) AS v", text("101"), textsOf("10x")},
	{"22026", "SELECT @s::bit(3) & B'101' & @s::varbit AS v", text("101"), textsOf("1")},
	{"22023", "SELECT @s::bytea AS v", text(`\x00`), textsOf(`\x0`)},
	{"22003", "SELECT @n::int AS v", number(7), numbersOf(3_000_000_000)},
	{"22003", "SELECT @n::smallint AS v", number(7), numbersOf(40_000, -40_000)},
	{"22003", "SELECT @n * 9223372036854775807 AS v", number(1), numbersOf(2)},
	{"22003", "SELECT exp(@n::numeric * 1000000) AS v", number(0), numbersOf(1)},
	{"22012", "SELECT 1 / @n AS v", number(1), numbersOf(0)},
	{"22012", "SELECT 1 % (a - @n) AS v FROM (VALUES (5)) AS t(a)", number(1), numbersOf(5)},
	{"2201B", "SELECT 'abc' ~ @s AS v", text("a.c"), textsOf("(", "[", "*", `\`, "a{2,1}")},
	{"2201B", "SELECT regexp_matches('abc', @s) AS v", text("a"), textsOf("(?<")},
	{"22023", "SELECT regexp_replace('abc', 'b', 'x', @s) AS v", text("g"), textsOf("?")},
	{"2201W", "SELECT i AS v FROM generate_series(1, 3) AS i LIMIT @n", number(1), numbersOf(-1)},
	{"2201X", "SELECT i AS v FROM generate_series(1, 3) AS i OFFSET @n", number(1), numbersOf(-1)},
	{"2201G", "SELECT width_bucket(5, 1, 10, @n::int) AS v", number(3), numbersOf(0)},
	{"2201E", "SELECT ln(@n::numeric) AS v", number(1), numbersOf(0, -1)},
	{"2201F", "SELECT sqrt(@n::numeric) AS v", number(1), numbersOf(-1)},
	{"22023", "SELECT now() AT TIME ZONE @s AS v", text("Europe/Lisbon"), textsOf("Europe/Nowhere", "")},
	{"22023", "SELECT i AS v FROM generate_series(1, 3, @n) AS i", number(1), numbersOf(0)},
	{"22023", "SELECT encode('x', @s) AS v", text("hex"), textsOf("hexes")},
	{"22023", "SELECT date_trunc(@s, now()) AS v", text("day"), textsOf("fortnight")},
	{"0A000", "SELECT date_trunc(@s, now()) AS v", text("day"), textsOf("timezone")},
	{"22023", "SELECT to_char(1, '9') || pg_size_bytes(@s) AS v", text("1 kB"), textsOf("1 elephant")},
	{"22P05", "SELECT convert_to(@s, 'LATIN1') AS v", text("é"), textsOf("€", "日本")},
	{"22021", "SELECT convert_from(decode(@s, 'hex'), 'UTF8') AS v", text("41"), textsOf("ff")},
	{"22007", "SELECT @s::date AS v", text("2026-01-31"), textsOf("soon")},
	{"22008", "SELECT @s::date AS v", text("2026-01-31"), textsOf("2026-02-31", "2026-13-01")},
	{"22008", "SELECT now() + make_interval(years => @n::int) AS v", number(1), numbersOf(1_000_000)},
	{"22007", "SELECT @s::interval AS v", text("1 day"), textsOf("1 sometime")},
	{"22007", "SELECT to_date(@s, 'YYYY-MM-DD') AS v", text("2026-01-01"), textsOf("abc")},
	{"22011", "SELECT substring('abc', 1, @n::int) AS v", number(1), numbersOf(-1)},
	{"22025", `SELECT 'a' LIKE @s AS v`, text("a%"), textsOf(`\`)},
	{"22025", "SELECT 'a' LIKE 'a' ESCAPE @s AS v", text("!"), textsOf("!!")},
	{"2200N", "SELECT xmlparse(CONTENT @s) AS v", text("<a/>"), textsOf("<a>", "&")},
	{"42601", "SELECT to_tsquery('simple', @s) AS v", text("a & b"), textsOf("a &", "a b", "(", ":*")},
	{"42601", "SELECT @s::tsquery AS v", text("a"), textsOf("&", "a |")},
	{"42601", "SELECT @s::jsonpath AS v", text("$.a"), textsOf("$.", "@", "$[")},
	{"42704", "SELECT to_tsvector(@s::regconfig, 'a') AS v", text("simple"), textsOf("klingon")},
	{"42704", "SELECT current_setting(@s) AS v", text("TimeZone"), textsOf("no_such_setting")},
	{"42P01", "SELECT @s::regclass AS v", text("pg_class"), textsOf("no_such_table")},
	{"42883", "SELECT @s::regprocedure AS v", text("now()"), textsOf("nope()")},
	{"42602", "SELECT @s::regclass AS v", text("pg_class"), textsOf("", `"a`)},
	{"42704", "SELECT @s::regtype AS v", text("int4"), textsOf("int5")},
	{"42601", "SELECT @s::regtype AS v", text("int4"), textsOf("int4 int8", ")")},
	{"3F000", "SELECT @s::regclass AS v", text("pg_class"), textsOf("nowhere.pg_class")},
	{"XX000", "SELECT xpath_exists(@s, '<a/>') AS v", text("/a"), textsOf("/a[")},
	{"23514", "SELECT @n::positive AS v", number(1), numbersOf(0)},
	{"54000", "SELECT length(repeat('xxxxxxxxxx', @n::int)) AS v", number(1), numbersOf(2_000_000_000)},
	{"54001", "SELECT @s::jsonb AS v", text("[]"), []source.Argument{text(strings.Repeat("[", 200_000))}},
	{"P0001", "SELECT only_even(@n) AS v", number(2), numbersOf(1)},
	{"45000", "SELECT raising(@s) AS v", text(""), textsOf("45000")},
	{"42501", "SELECT raising(@s) AS v", text(""), textsOf("42501")}, // raised by an author, who may use any code
	{"20000", "SELECT cases(@n) AS v", number(1), numbersOf(2)},
	{"P0002", "SELECT strictly(@n) AS v", number(1), numbersOf(2)},
}

const callerValueSchema = `
	CREATE TYPE order_status AS ENUM ('new', 'paid');
	CREATE DOMAIN positive AS int8 CHECK (VALUE > 0);
	CREATE FUNCTION only_even(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN
		IF n % 2 = 1 THEN RAISE EXCEPTION '% is odd, says table secrets', n; END IF; RETURN n; END $$;
	CREATE FUNCTION raising(state text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
		IF state <> '' THEN RAISE EXCEPTION 'raised for %', current_user USING ERRCODE = state; END IF; RETURN ''; END $$;
	CREATE FUNCTION cases(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN CASE n WHEN 1 THEN RETURN 1; END CASE; END $$;
	CREATE FUNCTION strictly(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ DECLARE found int8; BEGIN
		SELECT v INTO STRICT found FROM (VALUES (1::int8)) AS t(v) WHERE v = n; RETURN found; END $$;`

func textsOf(values ...string) []source.Argument {
	var list []source.Argument
	for _, value := range values {
		list = append(list, text(value))
	}
	return list
}

func numbersOf(values ...int64) []source.Argument {
	var list []source.Argument
	for _, value := range values {
		list = append(list, number(value))
	}
	return list
}

var word = source.Param{Name: "s", Type: source.ParamString}

// The database refuses a value in all these ways, of which none is the server's fault. The session, its prepared
// statement and the pool live on.
func TestCallersValueThatTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(callerValueSchema)
	for way, change := range map[string]func(*postgres.Config){
		"alone": func(*postgres.Config) {}, "with a role": func(c *postgres.Config) { c.Role = pgtest.ReaderRole },
		"without a statement cache": func(c *postgres.Config) { c.NoStatementCache = true },
	} {
		t.Run(way, func(t *testing.T) {
			sut := open(t, db, oneConnection, change)
			session := compile(t, sut, "SELECT pg_backend_pid() AS pid, count(*) AS n, max(prepare_time) AS at FROM pg_prepared_statements WHERE name LIKE 'data_api_%'")
			for _, c := range callerValues {
				tryCallersValue(t, sut, session, c.state, c.sql, c.good, c.bad)
			}
		})
	}
}

func tryCallersValue(t *testing.T, s *postgres.Source, session source.Query, state, sql string, good source.Argument, bad []source.Argument) {
	t.Helper()
	param := n
	if good.Type == source.ParamString {
		param = word
	}
	query := compile(t, s, sql, param)
	call := func(value source.Argument) error {
		return query.Run(t.Context(), source.Call{Args: []source.Argument{value}}, &count{})
	}
	if err := call(good); err != nil {
		t.Errorf("%s with %q: %v", sql, good.Text, err)
		return
	}
	rows(t, session)
	before := rows(t, session)
	for _, value := range bad {
		err := call(value)
		if !dataapi.HasCode(err, dataapi.CodeValueRefused) {
			t.Errorf("%s with %.20q: got %v, want %s", sql, value.Text, err, dataapi.CodeValueRefused)
			continue
		}
		if detail := dataapi.AsError(err).Detail; detail != "" {
			t.Errorf("%s with %.20q tells the caller %q", sql, value.Text, detail)
		}
		if !strings.Contains(err.Error(), "(SQLSTATE "+state+")") {
			t.Errorf("%s with %.20q: the log would read %v, want SQLSTATE %s", sql, value.Text, err, state)
		}
	}
	if after := rows(t, session); after != before {
		t.Errorf("%s: a value that is refused costs others: before %s, after %s", sql, before, after)
	}
	if err := call(good); err != nil {
		t.Errorf("%s with %q again: %v", sql, good.Text, err)
	}
}

// What has no value of a caller in it, or fails whatever the value is, is a fault of the endpoint.
func TestStatementsThatFailByThemselves(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(callerValueSchema + `
		CREATE TABLE gone (a int8); CREATE TABLE closed (a int8); REVOKE ALL ON closed FROM data_api_reader; CREATE TABLE written (a int8);
		CREATE FUNCTION reads_gone(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(a) FROM gone); END $$;
		CREATE FUNCTION reads_closed(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(a) FROM closed); END $$;
		CREATE FUNCTION writes(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (n); RETURN n; END $$;
		CREATE FUNCTION misspells(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELEC 1'; RETURN n; END $$;
		CREATE FUNCTION asserts(n int8) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN ASSERT false; RETURN n; END $$;
		CREATE VIEW bad AS SELECT 'x'::text AS a;
		DROP TABLE gone`)
	sut := open(t, db, oneConnection)
	for _, sql := range []string{
		"SELECT 1 / (a - a) AS v FROM (VALUES (random())) AS t(a)", "SELECT a::int AS v FROM bad", "SELECT only_even(3) AS v",
		"SELECT to_tsquery('simple', a || ' &') AS v FROM bad",
	} {
		if err := compile(t, sut, sql).Run(t.Context(), call(), &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
			t.Errorf("%s: got %v, want %s", sql, err, dataapi.CodeInternal)
		}
	}
	for _, sql := range []string{
		"SELECT reads_gone(@n) AS v", "SELECT reads_closed(@n) AS v", "SELECT writes(@n) AS v", "SELECT misspells(@n) AS v", "SELECT asserts(@n) AS v",
	} {
		if err := compile(t, sut, sql, n).Run(t.Context(), call(number(1)), &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
			t.Errorf("%s: got %v, want %s", sql, err, dataapi.CodeInternal)
		}
	}
	omitted := source.Argument{Type: source.ParamInteger, Null: true}
	if err := compile(t, sut, "SELECT 1 / coalesce(@n, 0) AS v", n).Run(t.Context(), call(omitted), &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Errorf("without a value: got %v, want %s", err, dataapi.CodeInternal)
	}
	unused := compile(t, sut, "SELECT 1 / (a - a) AS v FROM (VALUES (random())) AS t(a)", n)
	if err := unused.Run(t.Context(), call(number(1)), &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Errorf("with a value that the statement does not use: got %v, want %s", err, dataapi.CodeInternal)
	}
}

func call(args ...source.Argument) source.Call { return source.Call{Args: args} }

// A statement that was sound and is not any more says so as a fault of the statement, and heals with the schema.
func TestStatementThatTheSchemaLeavesBehind(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE moving (a int8, b text); INSERT INTO moving VALUES (1, 'x'); GRANT SELECT ON moving TO data_api_reader")
	s := open(t, db, oneConnection)
	query := compile(t, s, "SELECT a AS v FROM moving WHERE a = @n", n)
	want := func(what string, sound bool) {
		t.Helper()
		for range 2 {
			err := query.Run(t.Context(), call(number(1)), &count{})
			fault, blamed := errors.AsType[*source.StatementError](err)
			if sound != (err == nil) || !sound && (!dataapi.HasCode(err, dataapi.CodeInternal) || !blamed || !strings.Contains(fault.Message, "SQLSTATE 42")) {
				t.Errorf("%s: got %v", what, err)
			}
		}
	}
	want("at first", true)
	db.Exec("ALTER TABLE moving RENAME a TO c")
	want("without the column", false)
	db.Exec("ALTER TABLE moving RENAME c TO a")
	want("with it again", true)
	db.Exec("REVOKE SELECT ON moving FROM data_api_reader")
	want("without the privilege", false)
	db.Exec("GRANT SELECT ON moving TO data_api_reader")
	want("with it again", true)
	db.Exec("ALTER TABLE moving RENAME TO moved")
	want("without the table", false)
	db.Exec("CREATE VIEW moving AS SELECT a, b FROM moved; GRANT SELECT ON moving TO data_api_reader")
	want("with a view of its name", true)
}

// Claims are set by the server: when that fails, no caller's value is to blame.
func TestSettingsThatFailAreNoCallersValue(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE ROLE runs_" + db.Name + "; GRANT runs_" + db.Name + " TO data_api_reader")
	t.Cleanup(func() { db.Exec("DROP ROLE IF EXISTS runs_" + db.Name) })
	s := open(t, db, oneConnection, func(c *postgres.Config) {
		c.Claims, c.AllowSetConfig, c.Role = true, true, "runs_"+db.Name
	})
	query := compile(t, s, "SELECT @n AS v", n)
	if err := query.Run(t.Context(), call(number(1)), &count{}); err != nil {
		t.Fatal(err)
	}
	db.Exec("DROP ROLE runs_" + db.Name)
	if err := query.Run(t.Context(), call(number(1)), &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Errorf("got %v, want %s", err, dataapi.CodeInternal)
	}
}

// Whatever a text holds, PostgreSQL either takes it or the caller is told that it does not: never an error of the server.
func TestRandomTextsAreNoFaultOfTheServer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(callerValueSchema)
	s := open(t, db)
	var queries []source.Query
	for _, to := range []string{
		"order_status", "jsonb", "json", "inet", "cidr", "macaddr", "uuid", "int4", "int8", "numeric", "float8", "date", "time", "timetz", "timestamp",
		"timestamptz", "interval", "bool", "bytea", "bit(4)", "varbit", "point", "box", "polygon", "circle", "line", "tsquery", "tsvector", "jsonpath",
		"int4range", "tstzrange", "datemultirange", "int4[]", "text[]", "xml", "money", "regclass", "regtype", "regproc", "regprocedure", "regoper",
		"regconfig", "regrole", "regnamespace", "pg_lsn", "tid", "positive", "oid", "xid8", "char(3)", "name",
	} {
		queries = append(queries, compile(t, s, "SELECT (@s::"+to+")::text AS v", word))
	}
	for _, expression := range []string{
		"to_tsquery(@s)", "websearch_to_tsquery(@s)", "'abc' ~ @s", "'abc' LIKE @s", "'abc' SIMILAR TO @s", "now() AT TIME ZONE @s", "date_trunc(@s, now())",
		"date_part(@s, now())", "to_char(now(), @s)", "to_char(1.5, @s)", "to_number(@s, '999')", "to_timestamp(@s, 'YYYY-MM')", "to_date('2026', @s)",
		"format(@s, 1)", "encode('x', @s)", "decode(@s, 'base64')", "convert_to('x', @s)", "jsonb_path_query_first('[1,2]', @s::jsonpath)",
		"jsonb_set('{}', @s::text[], '1')", "current_setting(@s)", "xpath_exists(@s, '<a/>'::xml)", "regexp_split_to_array('abc', @s)",
		"has_table_privilege(@s, 'SELECT')", "pg_size_bytes(@s)", "make_date(length(@s), length(@s), 40)",
	} {
		queries = append(queries, compile(t, s, "SELECT ("+expression+")::text AS v", word))
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	alphabet := []rune(`ab1029 .,:;-+*/()[]{}<>"'\$@&|!~^%_=?#eExX` + "€é日\n\t")
	for range 40 {
		value := make([]rune, random.IntN(12))
		for i := range value {
			value[i] = alphabet[random.IntN(len(alphabet))]
		}
		for _, query := range queries {
			err := query.Run(t.Context(), call(text(string(value))), &count{})
			if err != nil && !dataapi.HasCode(err, dataapi.CodeValueRefused) {
				t.Errorf("seed %d, %q: %v", seed, string(value), err)
			}
		}
	}
	if got := rows(t, compile(t, s, "SELECT 1 AS v")); got != `[{"v":1}]` {
		t.Error(got)
	}
}

// A function speaks to callers when it says so, and not otherwise.
func TestMessagesForCallers(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION speaks(state text, message text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message, DETAIL = 'secret detail', HINT = 'secret hint'; END $$`)
	for way, change := range map[string]func(*postgres.Config){"alone": oneConnection, "without a statement cache": proxied} {
		t.Run(way, func(t *testing.T) {
			s := open(t, db, change)
			query := compile(t, s, "SELECT speaks('VR422', @s) AS v", word)
			for message, want := range map[string]string{
				"Months before 2020 are in the archive.": "Months before 2020 are in the archive.",
				" two\nlines\tand  spaces ":              "two lines and spaces",
				strings.Repeat("é", 600):                 strings.Repeat("é", 497) + "...",
			} {
				err := query.Run(t.Context(), call(text(message)), &count{})
				if !dataapi.HasCode(err, dataapi.CodeValueRefused) || dataapi.AsError(err).Detail != want {
					t.Errorf("%.20q: got %v, want a detail of %q", message, err, want)
				}
			}
			without := compile(t, s, "SELECT speaks('VR422', 'Closed today.') AS v")
			if err := without.Run(t.Context(), call(), &count{}); !dataapi.HasCode(err, dataapi.CodeValueRefused) || dataapi.AsError(err).Detail != "Closed today." {
				t.Errorf("without parameters: got %v", err)
			}
			for _, state := range []string{"P0001", "22023", "VR421", "42501", "XX000"} {
				err := compile(t, s, "SELECT speaks('"+state+"', @s) AS v", word).Run(t.Context(), call(text("not for callers")), &count{})
				if failure := dataapi.AsError(err); failure == nil || failure.Detail != "" {
					t.Errorf("%s: the caller reads %v", state, failure)
				}
			}
		})
	}
}
