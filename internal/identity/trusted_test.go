package identity_test

import (
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// trustingAcme is a directory in which trusted issuers may identify users of acme, and of no other company.
func trustingAcme(t *testing.T, change func(acme *identity.Company)) *identity.Directory {
	t.Helper()
	companies := twoCompanies()
	companies["acme"].Users["loader"].Subject = "auth0|loader/1"
	if change != nil {
		change(companies["acme"])
	}
	directory := identity.NewDirectory(openKeys(t, openStore(t)))
	directory.TrustIssuersFor([]string{"acme", "absent"})
	if err := directory.SetCompanies(companies); err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestResolveVouched(t *testing.T) {
	directory := trustingAcme(t, nil)
	for subject, user := range map[string]string{"auth0|loader/1": "loader", "limited": "limited"} {
		first, err := directory.ResolveTrusted("acme", subject)
		if err != nil || first.User.Name != user || first.Company.Slug != "acme" || first.KeyID != "" {
			t.Fatalf("%s: %+v, %v", subject, first, err)
		}
		later, err := directory.Resolve("acme", user, first.KeyID) // as a job does, which knows the name alone
		if err != nil || later.User != first.User || !later.Authorize(dataapi.ActionExecute, "default/vendas-x") {
			t.Errorf("%s, later: %+v, %v", subject, later, err)
		}
	}
}

func TestVouchedUsersAreRefusedAlike(t *testing.T) {
	asLoader := func(d *identity.Directory) error {
		_, err := d.ResolveTrusted("acme", "auth0|loader/1")
		return err
	}
	later := func(d *identity.Directory) error {
		_, err := d.Resolve("acme", "loader", "")
		return err
	}
	inactive := func(acme *identity.Company) { acme.Active = false }
	retired := func(acme *identity.Company) { acme.Users["loader"].Active = false }
	gone := func(acme *identity.Company) { delete(acme.Users, "loader") }
	for name, c := range map[string]struct {
		change func(*identity.Company)
		ask    func(*identity.Directory) error
	}{
		"inactive company": {inactive, asLoader}, "inactive company, later": {inactive, later},
		"inactive user": {retired, asLoader}, "inactive user, later": {retired, later},
		"a user who is gone": {gone, asLoader}, "a user who is gone, later": {gone, later},
		"the name where there is a subject": {nil, func(d *identity.Directory) error {
			_, err := d.ResolveTrusted("acme", "loader")
			return err
		}},
		"an unknown subject": {nil, func(d *identity.Directory) error {
			_, err := d.ResolveTrusted("acme", "other")
			return err
		}},
		"an empty subject": {nil, func(d *identity.Directory) error {
			_, err := d.ResolveTrusted("acme", "")
			return err
		}},
		"a company that no issuer is trusted for": {nil, func(d *identity.Directory) error {
			_, err := d.ResolveTrusted("globex", "reader")
			return err
		}},
		"such a company, later": {nil, func(d *identity.Directory) error {
			_, err := d.Resolve("globex", "reader", "")
			return err
		}},
		"an unknown company": {nil, func(d *identity.Directory) error {
			_, err := d.ResolveTrusted("absent", "loader")
			return err
		}},
		"no issuer any more": {nil, func(d *identity.Directory) error {
			d.TrustIssuersFor(nil)
			return asLoader(d)
		}},
		"no issuer any more, later": {nil, func(d *identity.Directory) error {
			d.TrustIssuersFor(nil)
			return later(d)
		}},
	} {
		err := c.ask(trustingAcme(t, c.change))
		if !dataapi.HasCode(err, dataapi.CodeUnauthenticated) || dataapi.AsError(err).Detail != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSubjectsMustDiffer(t *testing.T) {
	companies := twoCompanies()
	companies["acme"].Users["loader"].Subject = "limited"
	err := identity.NewDirectory(openKeys(t, openStore(t))).SetCompanies(companies)
	if err == nil || !strings.Contains(err.Error(), `one subject, "limited"`) {
		t.Errorf("got %v", err)
	}
}

func TestResolveVouchedDoesNotAllocate(t *testing.T) {
	directory, ok := trustingAcme(t, nil), true
	allocations := testing.AllocsPerRun(1000, func() {
		_, err := directory.ResolveTrusted("acme", "auth0|loader/1")
		_, later := directory.Resolve("acme", "loader", "")
		ok = ok && err == nil && later == nil
	})
	if allocations != 0 || !ok {
		t.Errorf("%v allocations, resolved %v", allocations, ok)
	}
}
