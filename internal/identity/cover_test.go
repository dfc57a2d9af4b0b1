package identity

import (
	"encoding/json"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
)

func TestBeyond(t *testing.T) {
	t.Parallel()
	const run, edit = dataapi.ActionExecute, dataapi.ActionEdit
	may := func(context params.ShareContext, grants ...Grant) Principal {
		company := &Company{Slug: "acme", Policies: map[string]*Policy{"P": {Name: "P", Grants: grants}}}
		made, err := NewPrincipal(company, &User{Name: "u", Policies: []string{"P"}, ShareContext: context})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	on := func(action dataapi.Action, patterns ...string) Grant {
		return Grant{Actions: []dataapi.Action{action}, Endpoints: patterns}
	}
	values := func(texts ...string) params.ShareContext {
		constraint := params.Constraint{Allowed: []json.RawMessage{}}
		for _, text := range texts {
			constraint.Allowed = append(constraint.Allowed, json.RawMessage(text))
		}
		return params.ShareContext{"p": constraint}
	}
	for name, test := range map[string]struct {
		who, other Principal
		want       string
	}{
		"the same":                    {may(nil, on(run, "a/*")), may(nil, on(run, "a/*")), ""},
		"everything":                  {may(nil, on(run)), may(nil, on(run, "a/*", "b/c")), ""},
		"more than something":         {may(nil, on(run, "a/*")), may(nil, on(run)), "data_api:execute on *"},
		"a part":                      {may(nil, on(run, "a*/b-*")), may(nil, on(run, "ab/b-c", "a-*/b-c*")), ""},
		"beside a part":               {may(nil, on(run, "a/b-*")), may(nil, on(run, "a/b*")), "data_api:execute on a/b*"},
		"a pattern of one endpoint":   {may(nil, on(run, "a/b")), may(nil, on(run, "a/b*")), "data_api:execute on a/b*"},
		"all slugs of one namespace":  {may(nil, on(run, "a/b*")), may(nil, on(run, "a/*")), "data_api:execute on a/*"},
		"another action":              {may(nil, on(run)), may(nil, on(run), on(edit, "a/b")), "visualization:edit on a/b"},
		"nothing":                     {may(nil, on(run)), Principal{User: &User{}}, ""},
		"fewer values":                {may(values("1", "2"), on(run)), may(values("2.0"), on(run)), ""},
		"a value more":                {may(values("1"), on(run)), may(values("1", "2"), on(run)), "values of the parameter p that your share context keeps from you"},
		"no share context":            {may(values("1"), on(run)), may(nil, on(run)), "values of the parameter p that your share context keeps from you"},
		"one of another's":            {may(nil, on(run)), may(values("1"), on(run)), ""},
		"an interval within":          {may(between("1", "9"), on(run)), may(between("1.0", "8"), on(run)), ""},
		"an interval beyond":          {may(between("1", "9"), on(run)), may(between("1", "10"), on(run)), "values of the parameter p that your share context keeps from you"},
		"an open interval":            {may(between("1", ""), on(run)), may(between("", "8"), on(run)), "values of the parameter p that your share context keeps from you"},
		"values for an interval":      {may(between("1", "9"), on(run)), may(values("5"), on(run)), "values of the parameter p that your share context keeps from you"},
		"what cannot be compared":     {may(between("1", "9"), on(run)), may(between(`"2026-01-01"`, ""), on(run)), "values of the parameter p that your share context keeps from you"},
		"an interval for some values": {may(values("5"), on(run)), may(between("5", "5"), on(run)), "values of the parameter p that your share context keeps from you"},
	} {
		if got := test.who.Beyond(test.other); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func between(least, most string) params.ShareContext {
	var constraint params.Constraint
	if least != "" {
		constraint.Minimum = json.RawMessage(least)
	}
	if most != "" {
		constraint.Maximum = json.RawMessage(most)
	}
	return params.ShareContext{"p": constraint}
}
