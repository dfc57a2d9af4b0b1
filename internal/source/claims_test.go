package source_test

import (
	"encoding/json"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/source"
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
		claims source.Claims
		want   string
	}{
		"nothing": {source.Claims{Company: "acme", Own: params.ShareContext{}}, `{}`},
		"one": {source.Claims{Own: params.ShareContext{"z": list(`"a"`, `1`), "a": {Minimum: json.RawMessage(`1`)}}},
			`{"a":{"minimum":1},"z":{"allowed":["a",1]}}`},
		"both": {source.Claims{Own: params.ShareContext{"p": list(`"a"`, `"b"`)}, Shared: params.ShareContext{"p": list(`"b"`)}},
			`{"p":{"allowed":["b"]}}`},
		"nothing in common": {source.Claims{Own: params.ShareContext{"p": list(`"a"`)}, Shared: params.ShareContext{"p": list(`"b"`)}},
			`{"p":{"allowed":[]}}`},
	} {
		if got, err := c.claims.ShareContext(); err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}
