package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// first collects the first column as JSON.
type first struct {
	typ  source.Type
	json []string
}

func (f *first) Columns(columns []source.Column) error {
	f.typ = columns[0].Type
	return nil
}

func (f *first) Row(values []source.Value) error {
	f.json = append(f.json, string(result.AppendJSON(nil, values[0])))
	return nil
}

// oracle asks PostgreSQL itself, in a session with the same settings, for to_json.
type oracle struct{ conn *pgx.Conn }

func newOracle(t testing.TB, db *pgtest.DB) oracle {
	conn := db.Conn()
	if _, err := conn.Exec(context.Background(), "SET TimeZone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	return oracle{conn}
}

func (o oracle) toJSON(t rapidOrTest, query string, args ...any) []string {
	t.Helper()
	rows, err := o.conn.Query(context.Background(), "SELECT pg_catalog.to_json(q.v)::text FROM ("+query+") AS q", args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	texts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var text *string
		err := row.Scan(&text)
		if text == nil {
			return "null", err
		}
		return *text, err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return texts
}

type rapidOrTest interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func compare(t rapidOrTest, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, PostgreSQL has %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s, row %d:\n got  %.300s\n want %.300s", what, i, got[i], want[i])
		}
	}
}

func TestEveryBuiltInTypeEqualsToJSON(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(fixtures)
	// Some types can be seen only in the catalogs that a superuser reads.
	s := open(t, db, func(c *postgres.Config) { c.DSN, c.AllowSuperuser = db.AdminDSN, true })
	oracle := newOracle(t, db)

	rows, err := db.Conn().Query(t.Context(), `SELECT t.typname::text, t.typarray <> 0 FROM pg_type AS t
		WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typsubscript <> 'array_subscript_handler'::regproc
		   OR t.oid IN ('int2vector'::regtype, 'oidvector'::regtype) ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	type builtIn struct {
		Name     string
		HasArray bool
	}
	types, err := pgx.CollectRows(rows, pgx.RowToStructByPos[builtIn])
	if err != nil {
		t.Fatal(err)
	}
	if len(types) < 70 {
		t.Fatalf("only %d types were found", len(types))
	}
	for _, typ := range types {
		t.Run(typ.Name, func(t *testing.T) {
			values := samples[typ.Name]
			if values == nil {
				t.Fatalf("no samples of %s: every built-in type needs some", typ.Name)
			}
			cast := `::pg_catalog."` + typ.Name + `"`
			queries := []string{"SELECT NULL" + cast + " AS v"}
			for _, value := range values {
				queries = append(queries, "SELECT ("+value+")"+cast+" AS v")
			}
			if typ.HasArray {
				list := strings.Join(values, cast+", ") + cast
				queries = append(queries,
					"SELECT NULL"+cast+"[] AS v", "SELECT '{}'"+cast+"[] AS v", "SELECT ARRAY["+list+", NULL]"+cast+"[] AS v",
					"SELECT ARRAY[ARRAY["+list+"], ARRAY["+list+"]] AS v",
					"SELECT ARRAY[[["+list+"]], [["+list+"]]] AS v",
					"SELECT pg_catalog.array_fill("+values[0]+cast+", ARRAY[2, 1, 3], ARRAY[-5, 0, 7]) AS v")
			}
			for _, query := range queries {
				var got first
				if err := compile(t, s, query).Run(t.Context(), source.Call{}, &got); err != nil {
					t.Fatalf("%v\n%.300s", err, query)
				}
				compare(t, fmt.Sprintf("%.300s", query), got.json, oracle.toJSON(t, query))
				if isArray := strings.Contains(query, "[] AS v") || strings.Contains(query, "ARRAY["); isArray != strings.HasPrefix(string(got.typ), "array<") && !strings.HasSuffix(typ.Name, "vector") {
					t.Errorf("%.100s has the type %s", query, got.typ)
				}
			}
		})
	}
}

func TestOtherTypesEqualToJSON(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(fixtures)
	db.Exec("CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext")
	s := open(t, db)
	oracle := newOracle(t, db)
	for _, test := range []struct {
		expression string
		typ        source.Type
	}{
		{"'happy'::mood", "varchar"},
		{"ARRAY['happy', NULL, 'so \"so\"']::mood[]", "array<varchar>"},
		{"7::positive", "integer"},
		{"ARRAY[7, 8]::positive[]", "array<integer>"},
		{"'a'::labels", "array<varchar>"}, // a domain over an array, written below
		{"ROW(1, 'x', '2020-01-01')::pair", "json"},
		{"NULL::pair", "json"},
		{"ARRAY[ROW(1, 'x', 'infinity')::pair, NULL]", "array<json>"},
		{"ROW(1, 'a')::pair_domain", "json"},
		{"ROW(1, 'NaN'::numeric, ARRAY[1.50, NULL])", "json"},
		{"ARRAY[ROW(1), ROW(2)]", "array<json>"},
		{"'a=>1, \"b c\"=>NULL'::hstore", "json"},
		{"ARRAY['a=>1'::hstore]", "array<json>"},
		{"'Straße'::citext", "varchar"},
		{"ARRAY['a'::citext]", "array<varchar>"},
		{"pg_sleep(0)", "varchar"},
		{"'x'", "varchar"},
		{"NULL", "varchar"},
		{"(SELECT most_common_vals FROM pg_stats WHERE most_common_vals IS NOT NULL AND tablename = 'pg_class' ORDER BY attname LIMIT 1)", "array<varchar>"},
		{"(SELECT a FROM (VALUES (ARRAY[[1,2],[3,NULL]])) AS t(a))", "array<integer>"},
		{"timestamp '294276-12-31 23:59:59.999999'", "timestamp"},
		{"timestamptz '294276-12-31 23:59:59.999999+00'", "timestamptz"},
		{"ARRAY[timestamptz '294276-12-31 23:59:59.999999+00', 'infinity']", "array<timestamptz>"},
	} {
		expression := test.expression
		if expression == "'a'::labels" {
			expression = "'{a,NULL,\"b c\"}'::labels"
		}
		if strings.Contains(expression, "ROW(1, 'a')::pair_domain") {
			expression = "ROW(1, 'a', NULL)::pair_domain"
		}
		query := "SELECT " + expression + " AS v"
		var got first
		if err := compile(t, s, query).Run(t.Context(), source.Call{}, &got); err != nil {
			t.Errorf("%v\n%s", err, query)
			continue
		}
		compare(t, query, got.json, oracle.toJSON(t, query))
		if got.typ != test.typ {
			t.Errorf("%s has the type %s, want %s", expression, got.typ, test.typ)
		}
	}
}

func TestRandomValuesEqualToJSON(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db)
	oracle := newOracle(t, db)
	bits64 := rapid.Uint64()
	digits := rapid.StringMatching(`[0-9]{1,60}`)
	moments := rapid.Custom(func(t *rapid.T) string { // any year of PostgreSQL's, some before Christ
		year := rapid.IntRange(-4712, 294276).Draw(t, "year")
		era := ""
		if year <= 0 {
			year, era = 1-year, " BC"
		}
		return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d%s", year, rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day"),
			rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "second"),
			rapid.OneOf(rapid.IntRange(0, 999999), rapid.Map(rapid.IntRange(0, 9), func(n int) int { return n * 100000 })).Draw(t, "micros"), era)
	})
	float := func(bits int) *rapid.Generator[string] {
		return rapid.OneOf(
			rapid.Map(bits64, func(b uint64) string {
				f := math.Float64frombits(b)
				if bits == 32 {
					f = float64(math.Float32frombits(uint32(b)))
				}
				return strings.Replace(strconv.FormatFloat(f, 'g', -1, bits), "Inf", "Infinity", 1)
			}),
			rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
			rapid.Custom(func(t *rapid.T) string {
				return fmt.Sprintf("%de%d", rapid.IntRange(-9999, 9999).Draw(t, "mantissa"), rapid.IntRange(-20, 20).Draw(t, "exponent"))
			}))
	}
	for typ, values := range map[string]*rapid.Generator[string]{
		"numeric": rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + digits.Draw(t, "whole") + "." + digits.Draw(t, "fraction") +
				rapid.SampledFrom([]string{"", "e-70", "e-7", "e3", "e120"}).Draw(t, "exponent")
		}),
		"numeric(30,7)": rapid.Map(rapid.Int64(), func(n int64) string { return new(big.Rat).SetFrac64(n, 1000).FloatString(9) }),
		"int8":          rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		"float8":        float(64),
		"float4":        float(32),
		"timestamp":     moments,
		"timestamptz":   moments,
		"date":          moments,
		"time": rapid.Map(rapid.IntRange(0, 86_399_999_999), func(n int) string {
			return fmt.Sprintf("%02d:%02d:%02d.%06d", n/3600_000_000, n/60_000_000%60, n/1_000_000%60, n%1_000_000)
		}),
		"interval": rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("%d months %d days %d microseconds", rapid.Int32().Draw(t, "months"), rapid.Int32().Draw(t, "days"), rapid.Int64().Draw(t, "micros"))
		}),
		"text":   rapid.Map(rapid.String(), func(s string) string { return strings.ReplaceAll(s, "\x00", "\x01") }),
		"bytea":  rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return fmt.Sprintf(`\x%x`, b) }),
		"text[]": rapid.Map(rapid.SliceOf(rapid.StringMatching(`[a-z" \\\n]*`)), quoteArray),
	} {
		t.Run(typ, func(t *testing.T) {
			query := compile(t, s, "SELECT s::"+typ+" AS v FROM unnest(@texts) AS s", source.Param{Name: "texts", Type: source.ParamString, Array: true})
			rapid.Check(t, func(t *rapid.T) {
				texts := rapid.SliceOfN(values, 1, 60).Draw(t, "texts")
				argument := source.Argument{Type: source.ParamString, Array: true}
				for _, s := range texts {
					argument.Items = append(argument.Items, text(s))
				}
				var got first
				if err := query.Run(context.Background(), source.Call{Args: []source.Argument{argument}}, &got); err != nil {
					if strings.Contains(err.Error(), "SQLSTATE 22003") || strings.Contains(err.Error(), "SQLSTATE 22008") || strings.Contains(err.Error(), "SQLSTATE 22015") {
						t.Skip("beyond the type's range")
					}
					t.Fatalf("%v", err)
				}
				compare(t, typ, got.json, oracle.toJSON(t, "SELECT s::"+typ+" AS v FROM unnest($1::text[]) AS s", texts))
			})
		})
	}
}

func quoteArray(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(item) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
