package catalog_test

import (
	"testing"
)

// A deactivation takes effect although another company's change has put the file at fault.
func TestDeactivationTakesEffectInAFileAtFault(t *testing.T) {
	root := build(t, map[string]string{
		"acme/company.yaml": "",
		"acme/default/a.sql": "/*---\nsource: s\nparams: { regiao: { type: string } }\nshare: { globex: { regiao: [Sul] } }\n---*/\n" +
			"SELECT @regiao AS one",
		"globex/company.yaml": "users: { bi: { share_context: { regiao: Sul } }, other: {} }",
	})
	c := open(t, root, nil)
	active := func(user string) bool {
		company, ok := c.Current().Company("globex")
		return ok && company.Active && company.Users[user].Active
	}
	if !active("bi") || !active("other") {
		t.Fatal("the users are not active to begin with")
	}
	// acme withdraws its share, so that globex's file constrains what no endpoint has.
	write(t, root, "acme/default/a.sql", "/*---\nsource: s\nparams: { regiao: { type: string } }\n---*/\nSELECT @regiao AS one")
	eventually(t, "the fault is seen", func() bool { return len(c.Faults()) == 1 })

	write(t, root, "globex/company.yaml", "users: { bi: { active: false, share_context: { regiao: Sul } }, other: {} }")
	eventually(t, "a user is deactivated", func() bool { return !active("bi") && active("other") })
	write(t, root, "globex/company.yaml", "users: { bi: { active: false, share_context: { regiao: Sul } } }")
	eventually(t, "a user is removed", func() bool { return !active("other") })
	write(t, root, "globex/company.yaml", "active: false\nusers: { bi: { share_context: { regiao: Sul } } }")
	eventually(t, "the company is deactivated", func() bool {
		company, ok := c.Current().Company("globex")
		return ok && !company.Active
	})

	// The file is taken as a whole as soon as it is sound.
	write(t, root, "globex/company.yaml", "users: { bi: {}, other: {} }")
	eventually(t, "the file is sound", func() bool { return len(c.Faults()) == 0 && active("bi") && active("other") })
}
