package params_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
)

func TestIntersect(t *testing.T) {
	raw := func(text string) json.RawMessage {
		if text == "" {
			return nil
		}
		return json.RawMessage(text)
	}
	from := func(minimum, maximum string) params.Constraint {
		return params.Constraint{Minimum: raw(minimum), Maximum: raw(maximum)}
	}
	list := func(values ...string) params.Constraint {
		constraint := params.Constraint{Allowed: []json.RawMessage{}}
		for _, value := range values {
			constraint.Allowed = append(constraint.Allowed, raw(value))
		}
		return constraint
	}
	for name, c := range map[string]struct{ a, b, want params.Constraint }{
		"lists":                    {list(`"Sul"`, `"Norte"`), list(`"Norte"`, `"Leste"`), list(`"Norte"`)},
		"lists apart":              {list(`"Sul"`), list(`"Norte"`), list()},
		"strings by what they are": {list(`"S\u0075l"`), list(`"Sul"`), list(`"S\u0075l"`)},
		"strings by letter":        {list(`"sul"`), list(`"Sul"`), list()},
		"numbers by value":         {list(`1.0`, `2`), list(`1`, `3`), list(`1.0`)},
		"number and string":        {list(`1`), list(`"1"`), list()},
		"booleans":                 {list(`true`, `false`), list(`false`), list(`false`)},
		"bounds":                   {from(`9`, `20`), from(`10`, `30`), from(`10`, `20`)},
		"open bounds":              {from(`9`, ``), from(``, `30`), from(`9`, `30`)},
		"dates":                    {from(`"2026-01-01"`, ``), from(`"2025-12-31"`, ``), from(`"2026-01-01"`, ``)},
		"timestamps by instant":    {from(`"2026-01-01T00:00:00+03:00"`, ``), from(`"2025-12-31T22:00:00Z"`, ``), from(`"2025-12-31T22:00:00Z"`, ``)},
		"bounds of two types":      {from(`1`, ``), from(`"2026-01-01"`, ``), list()},
		"list and bounds":          {list(`1`, `5`), from(`2`, ``), params.Constraint{Allowed: list(`1`, `5`).Allowed, Minimum: raw(`2`)}},
	} {
		got := params.Intersect(params.ShareContext{"p": c.a, "mine": c.a}, params.ShareContext{"p": c.b, "theirs": c.b})
		want := params.ShareContext{"p": c.want, "mine": c.a, "theirs": c.b}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	one := params.ShareContext{"p": list(`1`)}
	for _, got := range []params.ShareContext{params.Intersect(one, nil), params.Intersect(nil, one), params.Intersect(params.ShareContext{}, one)} {
		if !reflect.DeepEqual(got, one) {
			t.Errorf("with a context that limits nothing: got %s, want %s", got, one)
		}
	}
}
