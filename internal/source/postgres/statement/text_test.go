package statement

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/source"
)

func declared(names ...string) []source.Param {
	params := make([]source.Param, len(names))
	for i, name := range names {
		params[i] = source.Param{Name: name, Type: "string"}
	}
	return params
}

func TestCompileText(t *testing.T) {
	for _, test := range []struct{ sql, want string }{
		{"SELECT @a", "SELECT $1"},
		{"SELECT @b, @a, @b", "SELECT $1, $2, $1"},
		{"SELECT @a::int+@b", "SELECT $1::int+$2"},
		{"SELECT '@a', E'\\'@a', \"@a\", U&'@a', $$@a$$, $x$ @a $$ $x$, @a", "SELECT '@a', E'\\'@a', \"@a\", U&'@a', $$@a$$, $x$ @a $$ $x$, $1"},
		{"SELECT 'it''s @a', @a", "SELECT 'it''s @a', $1"},
		{"SELECT E'\\\\', @a", "SELECT E'\\\\', $1"},
		{"SELECT 1 -- @a\n, @a", "SELECT 1 -- @a\n, $1"},
		{"SELECT /* @a /* @a */ @a */ @a", "SELECT /* @a /* @a */ @a */ $1"},
		{"SELECT x @> @a, x <@ @a, x @@ @a, @ @a, @-@ @a, x @? @a, |/ @a", "SELECT x @> $1, x <@ $1, x @@ $1, @ $1, @-@ $1, x @? $1, |/ $1"},
		{"SELECT x>=@a, x=@a, x||@a, (@a), x>@a", "SELECT x>=$1, x=$1, x||$1, ($1), x>$1"},
		{"SELECT x@a", "SELECT x $1"},
		{"SELECT a$1, $tag$;$tag$", "SELECT a$1, $tag$;$tag$"},
		{"SELECT ARRAY[@a,@b][1]", "SELECT ARRAY[$1,$2][1]"},
		{"SELECT 'é', @a -- ü", "SELECT 'é', $1 -- ü"},
		{"SELECT type'@a', e'@a', n'@a'", "SELECT type'@a', e'@a', n'@a'"},
		{"SELECT 1;", "SELECT 1;"},
		{"SELECT ';' ; -- ;", "SELECT ';' ; -- ;"},
		{"SELECT '\uFFFD', @a", "SELECT '\uFFFD', $1"},
	} {
		text, err := Compile(test.sql, declared("a", "b"))
		if err != nil {
			t.Errorf("%s: %v", test.sql, err)
			continue
		}
		if text.SQL != test.want {
			t.Errorf("%s\n got  %s\n want %s", test.sql, text.SQL, test.want)
		}
		if len(text.Bare) != len(text.SQL) {
			t.Errorf("%s: bare is %s", test.sql, text.Bare)
		}
	}
	text, err := Compile("SELECT ';', $$;$$ /*;*/ ; -- ;", nil)
	if err != nil || text.Bare != "SELECT ';', $$;$$ /*;*/   -- ;" {
		t.Errorf("bare is %q, %v", text.Bare, err)
	}
}

func TestCompileTextRefuses(t *testing.T) {
	for _, test := range []struct {
		sql, message string
		offset       int
	}{
		{"SELECT @c", "@c is not declared; declared are @a, @b", 7},
		{"SELECT 'é', @a, @A", "@A is not declared", 17},
		{"SELECT x @@plainto_tsquery('x')", "@plainto_tsquery is not declared", 10},
		{"SELECT x <@a", "operator <@ or as the parameter @a", 10},
		{"SELECT x @@a", "operator @@ or as the parameter @a", 10},
		{"SELECT $1, @a", "$1 is not allowed: write parameters as @name", 7},
		{"SELECT ';', $12", "$12 is not allowed", 12},
		{"SELECT @açúcar", "only ASCII letters", 7},
		{"SELECT @a$1", "only ASCII letters", 7},
		{"SELECT '\xff'", "UTF-8", -1},
		{"SELECT '\x00'", "NUL", -1},
	} {
		_, err := Compile(test.sql, declared("a", "b"))
		fault, ok := errors.AsType[*source.StatementError](err)
		if !ok || fault.Offset != test.offset || !strings.Contains(fault.Message, test.message) {
			t.Errorf("%s: got %v, want %q at %d", test.sql, err, test.message, test.offset)
		}
	}
}

func TestOffsets(t *testing.T) {
	const sql = "SELECT 'é', @long_name, @b, nosuch"
	text, err := Compile(sql, declared("long_name", "b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"SELECT", "'é'", "@long_name", "@b", "nosuch"} {
		in := map[string]string{"@long_name": "$1", "@b": "$2"}[piece]
		if in == "" {
			in = piece
		}
		const prefix = "DECLARÉ "
		position := utf8.RuneCountInString(prefix+text.SQL[:strings.Index(text.SQL, in)]) + 1
		if got, want := text.Offset(position, prefix), strings.Index(sql, piece); got != want {
			t.Errorf("%s is at byte %d, want %d", piece, got, want)
		}
	}
	if text.Offset(0, "") != -1 || text.Offset(1000, "") != len(sql) {
		t.Error("unknown positions and the end are not told apart")
	}
}

// FuzzCompileText compares with pgx's own rewriting, and checks that offsets lead back to where they came from.
func FuzzCompileText(f *testing.F) {
	for _, seed := range []string{"SELECT @a, '@a;', $$;@b$$ -- ;@a\n;", "/* ; @a */ SELECT E'\\';' ; @b", "@a@b;$1", `"@a;"@b`, "$a$;$a$;@a", "e';@a\\'@b'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		text, err := Compile(sql, declared("a", "b"))
		if err != nil {
			fault, ok := errors.AsType[*source.StatementError](err)
			if !ok || fault.Offset < -1 || fault.Offset >= max(1, len(sql)) {
				t.Fatalf("%q: %v", sql, err)
			}
			return
		}
		want, args, err := pgx.NamedArgs{"a": 0, "b": 1}.RewriteQuery(context.Background(), nil, sql, nil)
		if err != nil {
			t.Fatalf("%q: pgx refuses it: %v", sql, err)
		}
		spaced := strings.NewReplacer(" ", "")
		if spaced.Replace(text.SQL) != spaced.Replace(want) || len(args) != len(text.Order) {
			t.Fatalf("%q\n got  %q\n want %q", sql, text.SQL, want)
		}
		if len(text.Bare) != len(text.SQL) {
			t.Fatalf("%q: bare %q", sql, text.Bare)
		}
		for i := range text.SQL {
			if back := text.back(i); back < 0 || back > len(sql) || text.SQL[i] != sql[min(back, len(sql)-1)] && sql[back] != '@' {
				t.Fatalf("%q: byte %d leads back to %d", sql, i, back)
			}
		}
	})
}
