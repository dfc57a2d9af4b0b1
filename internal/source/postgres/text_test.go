package postgres

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
		text, err := compileText(test.sql, declared("a", "b"))
		if err != nil {
			t.Errorf("%s: %v", test.sql, err)
			continue
		}
		if text.sql != test.want {
			t.Errorf("%s\n got  %s\n want %s", test.sql, text.sql, test.want)
		}
		if len(text.bare) != len(text.sql) {
			t.Errorf("%s: bare is %s", test.sql, text.bare)
		}
	}
	text, err := compileText("SELECT ';', $$;$$ /*;*/ ; -- ;", nil)
	if err != nil || text.bare != "SELECT ';', $$;$$ /*;*/   -- ;" {
		t.Errorf("bare is %q, %v", text.bare, err)
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
		_, err := compileText(test.sql, declared("a", "b"))
		fault, ok := errors.AsType[*source.StatementError](err)
		if !ok || fault.Offset != test.offset || !strings.Contains(fault.Message, test.message) {
			t.Errorf("%s: got %v, want %q at %d", test.sql, err, test.message, test.offset)
		}
	}
}

func TestOffsets(t *testing.T) {
	const sql = "SELECT 'é', @long_name, @b, nosuch"
	text, err := compileText(sql, declared("long_name", "b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"SELECT", "'é'", "@long_name", "@b", "nosuch"} {
		in := map[string]string{"@long_name": "$1", "@b": "$2"}[piece]
		if in == "" {
			in = piece
		}
		const prefix = "DECLARÉ "
		position := utf8.RuneCountInString(prefix+text.sql[:strings.Index(text.sql, in)]) + 1
		if got, want := text.offset(position, prefix), strings.Index(sql, piece); got != want {
			t.Errorf("%s is at byte %d, want %d", piece, got, want)
		}
	}
	if text.offset(0, "") != -1 || text.offset(1000, "") != len(sql) {
		t.Error("unknown positions and the end are not told apart")
	}
}

// FuzzCompileText compares with pgx's own rewriting, and checks that offsets lead back to where they came from.
func FuzzCompileText(f *testing.F) {
	for _, seed := range []string{"SELECT @a, '@a;', $$;@b$$ -- ;@a\n;", "/* ; @a */ SELECT E'\\';' ; @b", "@a@b;$1", `"@a;"@b`, "$a$;$a$;@a", "e';@a\\'@b'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		text, err := compileText(sql, declared("a", "b"))
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
		if spaced.Replace(text.sql) != spaced.Replace(want) || len(args) != len(text.order) {
			t.Fatalf("%q\n got  %q\n want %q", sql, text.sql, want)
		}
		if len(text.bare) != len(text.sql) {
			t.Fatalf("%q: bare %q", sql, text.bare)
		}
		for i := range text.sql {
			if back := text.back(i); back < 0 || back > len(sql) || text.sql[i] != sql[min(back, len(sql)-1)] && sql[back] != '@' {
				t.Fatalf("%q: byte %d leads back to %d", sql, i, back)
			}
		}
	})
}

// FuzzDecode checks that no bytes from a wire, however wrong, can crash a decoder or make it run away.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 0x40, 0, 0, 3, 0, 1, 4, 0xD2})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 255, 255, 255, 255})
	f.Add([]byte{0x7f, 255, 255, 255, 255, 255, 255, 254})
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, codecs := range []map[uint32]codec{textual, scalars, arrays} {
			for _, codec := range codecs {
				c := cell{codec: codec}
				var value source.Value
				if err := c.read(wire, &value); err == nil && len(value.Bytes) > 1<<20 {
					t.Fatalf("%s: %d bytes of %d", codec.typ, len(value.Bytes), len(wire))
				}
			}
		}
	})
}
