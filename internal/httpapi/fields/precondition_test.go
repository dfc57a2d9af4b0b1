package fields

import (
	"net/http"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestPrecondition(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		match, none   []string
		there, nobody bool // whether it holds of what is there with the tag "1", and of nothing
	}{
		"none":             {nil, nil, true, true},
		"make":             {nil, []string{" * "}, false, true},
		"whatever":         {[]string{"*"}, nil, true, false},
		"the tag":          {[]string{`"1"`}, nil, true, false},
		"one of two":       {[]string{`"0" , "1"`}, nil, true, false},
		"in two fields":    {[]string{`"0"`, `"1"`}, nil, true, false},
		"another":          {[]string{`"2"`}, nil, false, false},
		"of gzip":          {[]string{`"0-zstd", "1-gzip"`}, nil, true, false},
		"of brotli":        {[]string{`"1-br"`}, nil, true, false},
		"of no coding":     {[]string{`"1-2"`, `"1-gzip-gzip"`, `"1-identity"`, `1-gzip`, `W/"1-gzip"`}, nil, false, false},
		"a weak one":       {[]string{`W/"1"`}, nil, false, false},
		"without quotes":   {[]string{`1`}, nil, false, false},
		"inside of quotes": {[]string{`"0, \"1\""`}, nil, false, false},
	} {
		r := &http.Request{Header: http.Header{"If-Match": test.match, "If-None-Match": test.none}}
		p, err := ReadPrecondition(r, false)
		if err != nil || p.Holds(true, `"1"`) != test.there || p.Holds(false, "") != test.nobody || p.Given() != (test.match != nil || test.none != nil) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if err := p.OfExisting(); (err != nil) != (test.none != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, header := range map[string]http.Header{
		"both": {"If-Match": {"*"}, "If-None-Match": {"*"}}, "a tag to make by": {"If-None-Match": {`"1"`}}, "twice": {"If-None-Match": {"*", "*"}}, "empty": {"If-Match": {""}},
	} {
		if _, err := ReadPrecondition(&http.Request{Header: header}, true); !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
