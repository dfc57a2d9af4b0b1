package params_test

import (
	"encoding/json"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
)

func TestShareContextIsWrittenInOneWay(t *testing.T) {
	list := func(values ...string) params.Constraint {
		constraint := params.Constraint{Allowed: []json.RawMessage{}}
		for _, value := range values {
			constraint.Allowed = append(constraint.Allowed, json.RawMessage(value))
		}
		return constraint
	}
	for name, c := range map[string]struct {
		shared, own params.ShareContext
		want        string
	}{
		"nothing": {nil, params.ShareContext{}, `{}`},
		"one": {nil, params.ShareContext{"z": list(`"a"`, `1`), "a": {Minimum: json.RawMessage(`1`)}},
			`{"a":{"minimum":1},"z":{"allowed":["a",1]}}`},
		"both":              {params.ShareContext{"p": list(`"b"`)}, params.ShareContext{"p": list(`"a"`, `"b"`)}, `{"p":{"allowed":["b"]}}`},
		"nothing in common": {params.ShareContext{"p": list(`"b"`)}, params.ShareContext{"p": list(`"a"`)}, `{"p":{"allowed":[]}}`},
	} {
		if got, err := params.Intersect(c.shared, c.own).Canonical(); err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}
