package params_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// FuzzFromTexts: whatever texts there are, they become one JSON object with a member for each name, which Bind reads, and no
// text of a string is changed.
func FuzzFromTexts(f *testing.F) {
	contract, faults := params.Compile([]params.Param{
		{Name: "s", Type: source.ParamString}, {Name: "i", Type: source.ParamInteger}, {Name: "d", Type: source.ParamDecimal},
		{Name: "b", Type: source.ParamBoolean}, {Name: "l", Type: source.ParamInteger, Array: true},
	})
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	for _, seed := range []string{"s=x&i=1", "i=1&i=2", "l=1&l=x", "b=true", "d=1e5", "s=", "=1", "s=%00", "i=%201", "d=-", "b=tru", "i=1}", "s=%22%5C"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		texts, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for name, given := range texts {
			for _, text := range append([]string{name}, given...) {
				if !utf8.ValidString(text) {
					return
				}
			}
		}
		written := contract.FromTexts(texts)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(written, &members); err != nil || len(members) != len(texts) {
			t.Fatalf("%q becomes %s: %v", query, written, err)
		}
		if given := texts["s"]; len(given) == 1 {
			var text string
			if err := json.Unmarshal(members["s"], &text); err != nil || text != given[0] {
				t.Errorf("%q becomes %s", given[0], members["s"])
			}
		}
		values, err := contract.Bind(written)
		if err == nil && len(values) != 5 {
			t.Errorf("%s is bound as %v", written, values)
		}
	})
}
