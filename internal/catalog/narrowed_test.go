package catalog_test

import (
	"testing"
)

// A deactivation takes effect although another company's change has put the file at fault.
func TestDeactivationTakesEffectInAFileAtFault(t *testing.T) {
	t.Parallel()
	root := build(t, map[string]string{
		"acme/company.yaml": "",
		"acme/default/a.sql": "/*---\nsource: s\nparams: { regiao: { type: string } }\nshare: { globex: { regiao: [Sul] } }\n---*/\n" +
			"SELECT @regiao AS one",
		"globex/company.yaml": "users: { bi: { share_context: { regiao: Sul } }, other: { policies: [DataAPIConsumer, VisualizationViewer] } }",
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
	eventually(t, "the fault is seen", func() bool { return len(c.Diagnostics()) == 1 })

	write(t, root, "globex/company.yaml", "users: { bi: { active: false, share_context: { regiao: Sul } }, other: { policies: [DataAPIConsumer, VisualizationViewer] } }")
	eventually(t, "a user is deactivated", func() bool { return !active("bi") && active("other") })
	policies := func() int {
		company, _ := c.Current().Company("globex")
		return len(company.Users["other"].Policies)
	}
	if policies() != 2 {
		t.Fatal("the user has no policies to begin with")
	}
	write(t, root, "globex/company.yaml", "users: { bi: { active: false, share_context: { regiao: Sul } }, other: { policies: [VisualizationViewer, VisualizationManager] } }")
	eventually(t, "a policy is taken from a user", func() bool { return policies() == 1 && active("other") })
	write(t, root, "globex/company.yaml", "users: { bi: { active: false, share_context: { regiao: Sul } } }")
	eventually(t, "a user is removed", func() bool { return !active("other") })
	write(t, root, "globex/company.yaml", "active: false\nusers: { bi: { share_context: { regiao: Sul } } }")
	eventually(t, "the company is deactivated", func() bool {
		company, ok := c.Current().Company("globex")
		return ok && !company.Active
	})

	// The file is taken as a whole as soon as it is sound.
	write(t, root, "globex/company.yaml", "users: { bi: {}, other: {} }")
	eventually(t, "the file is sound", func() bool { return len(c.Diagnostics()) == 0 && active("bi") && active("other") })
}

// An author who writes active: no does not mean that somebody keeps access, and neither does active: false in a file that is at
// fault elsewhere.
func TestDeactivationThatCannotBeReadFailsClosed(t *testing.T) {
	t.Parallel()
	const before = "users: { bi: {}, other: {} }"
	for name, c := range map[string]struct {
		file                string
		company, bi, others bool
	}{
		"a user, with a word":             {"users: { bi: { active: no }, other: {} }", true, false, true},
		"a user, with quotes":             {`users: { bi: { active: "false" }, other: {} }`, true, false, true},
		"a user, with a list":             {"users: { bi: { active: [] }, other: {} }", true, false, true},
		"the company, with a word":        {"active: off\nusers: { bi: {}, other: {} }", false, true, true},
		"a user, beside another fault":    {"users: { bi: { active: false }, other: { polices: [] } }", true, false, true},
		"the company, beside a fault":     {"active: false\nusers: { bi: { polices: [] } }", false, true, true},
		"nothing, where a fault hides it": {"users: []", true, true, true},
		"nothing, where nothing is said":  {"users: { bi: { policies: 1 } }", true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			root := build(t, map[string]string{"globex/company.yaml": before, "globex/default/a.sql": "/*---\nsource: s\n---*/\nSELECT 1 AS one"})
			opened := open(t, root, nil)
			write(t, root, "globex/company.yaml", c.file)
			eventually(t, "the fault is seen", func() bool { return len(opened.Diagnostics()) > 0 })
			company, ok := opened.Current().Company("globex")
			if !ok || company.Active != c.company || company.Users["bi"].Active != c.bi || company.Users["other"].Active != c.others {
				t.Errorf("%t, company %+v, bi %+v, other %+v", ok, company, company.Users["bi"], company.Users["other"])
			}
			write(t, root, "globex/company.yaml", before)
			eventually(t, "the file is sound", func() bool { return len(opened.Diagnostics()) == 0 })
			company, _ = opened.Current().Company("globex")
			if !company.Active || !company.Users["bi"].Active {
				t.Errorf("the sound file does not count: %+v", company)
			}
		})
	}
}
