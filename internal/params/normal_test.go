package params_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// Two texts that look the same and are not are told apart where a fault shows both.
func TestTextsThatLookAlikeAreToldApart(t *testing.T) {
	const composed, decomposed = "São Paulo", "Sa\u0303o Paulo"
	for name, test := range map[string]struct{ allowed, given, want string }{
		"decomposed":         {composed, decomposed, `must be "São Paulo"; got "Sa\u0303o Paulo"`},
		"composed":           {decomposed, composed, `must be "Sa\u0303o Paulo"; got "São Paulo"`},
		"no-break space":     {"a b", "a\u00a0b", `must be "a b"; got "a\u00a0b"`},
		"ideographic space":  {"a b", "a\u3000b", `must be "a b"; got "a\u3000b"`},
		"zero width":         {"ab", "a\u200bb", `must be "ab"; got "a\u200bb"`},
		"Hangul":             {"각", "\u1100\u1161\u11a8", `must be "각"; got "ᄀ\u1161\u11a8"`},
		"variation selector": {"☃", "☃\ufe0f", `must be "☃"; got "☃\ufe0f"`},
		"ordinary":           {"água", "aço 😀", `must be "água"; got "aço 😀"`},
		"Ångström's sign":    {"Å", "\u212b", `must be "Å"; got "\u212b"`},
		"Devanagari":         {"क", "कि", `must be "क"; got "कि"`},
		"line break":         {"a", "a\n", `must be "a"; got "a\n"`},
	} {
		allowed, _ := json.Marshal(test.allowed)
		given, _ := json.Marshal(map[string]string{"p": test.given})
		contract, faults := params.Compile([]params.Param{{Name: "p", Type: source.ParamString, Enum: []json.RawMessage{allowed}}})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		_, err := contract.Bind(given)
		if got := dataapi.AsError(err); got == nil || len(got.Faults) != 1 || got.Faults[0].Detail != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
		contract, _ = params.Compile([]params.Param{{Name: "p", Type: source.ParamString}})
		_, err = contract.Bind(given, params.ShareContext{"p": {Allowed: []json.RawMessage{allowed}}})
		shared := strings.Replace(strings.Replace(test.want, "must be ", "only ", 1), "; got", " is allowed for you; got", 1)
		if got := dataapi.AsError(err); got == nil || len(got.Faults) != 1 || got.Faults[0].Detail != shared {
			t.Errorf("%s: got %v, want %s", name, err, shared)
		}
	}
}
