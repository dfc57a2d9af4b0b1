package identity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

var pepper = bytes.Repeat([]byte{0x5a}, identity.MinPepper)

func openStore(tb testing.TB) *boltstore.Store {
	tb.Helper()
	store, err := boltstore.Open(filepath.Join(tb.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}

func openKeys(tb testing.TB, store identity.KeyStore) *identity.Keys {
	tb.Helper()
	keys, err := identity.OpenKeys(tb.Context(), store, pepper)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// twoCompanies makes a new set of companies, so that a test may change its own.
func twoCompanies() map[string]*identity.Company {
	return map[string]*identity.Company{
		"acme": {
			Slug: "acme", Name: "Acme", Active: true,
			Users: map[string]*identity.User{
				"loader":  {Name: "loader", DisplayName: "Nightly load", Active: true, Policies: []string{identity.PolicyDataAPIConsumer}},
				"limited": {Name: "limited", DisplayName: "limited", Active: true, Policies: []string{"SalesOnly"}},
				"nobody":  {Name: "nobody", DisplayName: "nobody", Active: true},
			},
			Policies: map[string]*identity.Policy{
				"SalesOnly": {Name: "SalesOnly", Description: "Sales.", Grants: []identity.Grant{
					{Actions: []dataapi.Action{dataapi.ActionExecute}, Endpoints: []string{"default/vendas-*", "txhousing/by-city"}},
					{Actions: []dataapi.Action{dataapi.ActionGetJob}, Endpoints: []string{"default/*"}},
				}},
			},
		},
		"globex": {
			Slug: "globex", Name: "Globex", Active: true,
			Users: map[string]*identity.User{
				"loader": {Name: "loader", DisplayName: "loader", Active: true, Policies: []string{identity.PolicyVisualizationViewer}},
			},
		},
	}
}

func newDirectory(tb testing.TB, keys *identity.Keys) *identity.Directory {
	tb.Helper()
	directory := identity.NewDirectory(keys)
	if err := directory.SetCompanies(twoCompanies()); err != nil {
		tb.Fatal(err)
	}
	return directory
}

func createKey(tb testing.TB, directory *identity.Directory, company, user string) (identity.Key, string) {
	tb.Helper()
	key, secret, err := directory.CreateKey(tb.Context(), identity.NewKey{Company: company, User: user})
	if err != nil {
		tb.Fatal(err)
	}
	return key, secret
}

// callerSees is every part of an error that can reach a caller.
func callerSees(tb testing.TB, err error) string {
	tb.Helper()
	known, ok := errors.AsType[*dataapi.Error](err)
	if !ok {
		tb.Fatalf("%T is no error of the catalogue: %v", err, err)
	}
	shown, err := json.Marshal(struct {
		Code   dataapi.Code
		Detail string
		Faults []dataapi.Fault
		After  time.Duration
	}{known.Code, known.Detail, known.Faults, known.RetryAfter})
	if err != nil {
		tb.Fatal(err)
	}
	return string(shown)
}

func TestVerifyAndResolve(t *testing.T) {
	directory := newDirectory(t, openKeys(t, openStore(t)))
	key, secret := createKey(t, directory, "acme", "loader")
	verified, err := directory.Verify("acme", key.ID, secret)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := directory.Resolve("acme", "loader", key.ID)
	if err != nil {
		t.Fatal(err)
	}
	for how, who := range map[string]identity.Principal{"Verify": verified, "Resolve": resolved} {
		if who.Company.Slug != "acme" || who.User.Name != "loader" || who.KeyID != key.ID {
			t.Errorf("%s: %+v", how, who)
		}
		if !who.Authorize(dataapi.ActionExecute, "default/vendas-por-regiao") || !who.Authorize(dataapi.ActionGetJob, "a/b") {
			t.Errorf("%s: DataAPIConsumer is not permitted what it grants", how)
		}
	}
}

// TestEveryRefusalLooksTheSame walks every reason for which a key does not authenticate.
func TestEveryRefusalLooksTheSame(t *testing.T) {
	keys := openKeys(t, openStore(t))
	start := time.Now()
	now := start
	keys.SetClock(func() time.Time { return now })
	directory := newDirectory(t, keys)
	key, secret := createKey(t, directory, "acme", "loader")
	foreign, foreignSecret := createKey(t, directory, "globex", "loader")
	revoked, revokedSecret := createKey(t, directory, "acme", "loader")
	if _, _, err := keys.Revoke(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	expiring, expiringSecret, err := directory.CreateKey(t.Context(), identity.NewKey{
		Company: "acme", User: "loader", ExpiresAt: start.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	companies := func(change func(map[string]*identity.Company)) func() {
		return func() {
			changed := twoCompanies()
			change(changed)
			if err := directory.SetCompanies(changed); err != nil {
				t.Fatal(err)
			}
		}
	}
	unchanged := func() {}
	other := "0" // than the first character of the secret
	if secret[0] == other[0] {
		other = "1"
	}
	cases := []struct {
		name             string
		arrange          func()
		company, id, key string
		cause            string
		resolves         bool // by id alone it is resolved: only the secret or its form is wrong
	}{
		{"empty", unchanged, "", "", "", "malformed", false},
		{"malformed id", unchanged, "acme", "s42_x", secret, "malformed", false},
		{"malformed secret", unchanged, "acme", key.ID, secret[:len(secret)-1] + "-", "malformed", true},
		{"mistyped secret", unchanged, "acme", key.ID, other + secret[1:], "malformed", true},
		{"unknown company", unchanged, "nowhere", key.ID, secret, "no such company", false},
		{"unknown company and key", unchanged, "nowhere", identity.NewKeyID(), secret, "no such company", false},
		{"company in other letters", unchanged, "Acme", key.ID, secret, "no such company", false},
		{"unknown key", unchanged, "acme", identity.NewKeyID(), secret, "no such API key", false},
		{"key of another company", unchanged, "acme", foreign.ID, foreignSecret, "another company", false},
		{"own key at another company", unchanged, "globex", key.ID, secret, "another company", false},
		{"wrong secret", unchanged, "acme", key.ID, identity.NewSecret(), "secret is wrong", true},
		{"secret of another key", unchanged, "acme", key.ID, foreignSecret, "secret is wrong", true},
		{"revoked", unchanged, "acme", revoked.ID, revokedSecret, "revoked", false},
		{"expired", func() { now = start.Add(time.Hour) }, "acme", expiring.ID, expiringSecret, "expired", false},
		{"inactive company", companies(func(c map[string]*identity.Company) { c["acme"].Active = false }),
			"acme", key.ID, secret, "company is inactive", false},
		{"company gone", companies(func(c map[string]*identity.Company) { delete(c, "acme") }),
			"acme", key.ID, secret, "no such company", false},
		{"inactive user", companies(func(c map[string]*identity.Company) { c["acme"].Users["loader"].Active = false }),
			"acme", key.ID, secret, "user is inactive", false},
		{"user gone", companies(func(c map[string]*identity.Company) { delete(c["acme"].Users, "loader") }),
			"acme", key.ID, secret, "no such user", false},
	}
	seen := make(map[string]bool)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			now = start
			companies(func(map[string]*identity.Company) {})()
			c.arrange()
			who, err := directory.Verify(c.company, c.id, c.key)
			if err == nil || who.Company != nil || who.User != nil || who.Authorize(dataapi.ActionExecute, "a/b") {
				t.Fatalf("authenticated as %+v, %v", who, err)
			}
			if !strings.Contains(err.Error(), c.cause) {
				t.Errorf("the log reads %q, want %q", err, c.cause)
			}
			if c.key != "" && strings.Contains(err.Error(), c.key) {
				t.Error("the secret is in the error")
			}
			seen[callerSees(t, err)] = true
			if _, err := directory.Resolve(c.company, "loader", c.id); (err == nil) != c.resolves {
				t.Errorf("Resolve: %v", err)
			} else if err != nil {
				seen[callerSees(t, err)] = true
			}
		})
	}
	if len(seen) != 1 {
		t.Errorf("callers can tell refusals apart: %q", slicesOf(seen))
	}
	now = start
	companies(func(map[string]*identity.Company) {})()
	if _, err := directory.Verify("acme", key.ID, secret); err != nil {
		t.Errorf("the key that all of this was about: %v", err)
	}
	if _, err := directory.Verify("acme", expiring.ID, expiringSecret); err != nil {
		t.Errorf("before its expiry: %v", err)
	}
}

func slicesOf(set map[string]bool) (all []string) {
	for text := range maps.Keys(set) {
		all = append(all, text)
	}
	return all
}

func TestResolveRefusesClaimsThatDoNotFitTheKey(t *testing.T) {
	directory := newDirectory(t, openKeys(t, openStore(t)))
	key, _ := createKey(t, directory, "acme", "loader")
	for _, claims := range [][3]string{
		{"acme", "limited", key.ID}, {"globex", "loader", key.ID}, {"", "", key.ID}, {"acme", "loader", ""},
		{"acme", "LOADER", key.ID}, {"acme", "loader", key.ID + "\x00"},
	} {
		if who, err := directory.Resolve(claims[0], claims[1], claims[2]); !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
			t.Errorf("%q resolve to %+v, %v", claims, who, err)
		}
	}
}

func TestANewDirectoryRefusesEveryone(t *testing.T) {
	keys := openKeys(t, openStore(t))
	key, secret := createKey(t, newDirectory(t, keys), "acme", "loader")
	if _, err := identity.NewDirectory(keys).Verify("acme", key.ID, secret); !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		t.Fatalf("got %v", err)
	}
}

// TestReload has two configurations over one store, as during a reload: each keeps its companies, both see a revocation.
func TestReload(t *testing.T) {
	keys := openKeys(t, openStore(t))
	before, after := newDirectory(t, keys), newDirectory(t, keys)
	changed := twoCompanies()
	delete(changed["acme"].Users, "limited")
	if err := after.SetCompanies(changed); err != nil {
		t.Fatal(err)
	}
	key, secret := createKey(t, before, "acme", "limited")
	other, _ := createKey(t, after, "acme", "loader")
	if _, err := before.Verify("acme", key.ID, secret); err != nil {
		t.Errorf("the old configuration lost its user: %v", err)
	}
	if _, err := after.Verify("acme", key.ID, secret); err == nil {
		t.Error("the new configuration still has the user")
	}
	if _, err := before.Resolve("acme", "loader", other.ID); err != nil {
		t.Errorf("the old configuration does not know a key made by the new one: %v", err)
	}
	if _, _, err := keys.Revoke(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	for name, directory := range map[string]*identity.Directory{"old": before, "new": after} {
		if _, err := directory.Resolve("acme", "loader", other.ID); err == nil {
			t.Errorf("the %s configuration does not see the revocation", name)
		}
	}
}

func TestSetCompaniesRefusesFaultsAndKeepsWhatWas(t *testing.T) {
	directory := newDirectory(t, openKeys(t, openStore(t)))
	key, secret := createKey(t, directory, "acme", "loader")
	faulty := twoCompanies()
	faulty["acme"].Users["loader"].Policies = []string{"DataApiConsumer"}
	faulty["acme"].Users["limited"].Policies = []string{"Bad", "SalesOnly"}
	faulty["acme"].Policies["Bad"] = &identity.Policy{Name: "Bad", Grants: []identity.Grant{
		{Actions: []dataapi.Action{dataapi.ActionExecute}, Endpoints: []string{"default/**"}},
	}}
	faulty["globex"].Policies = map[string]*identity.Policy{
		identity.PolicyVisualizationViewer: {Name: identity.PolicyVisualizationViewer},
		"Odd":                              {Name: "Odd", Grants: []identity.Grant{{Actions: []dataapi.Action{"data_api:admin"}}}},
		"Empty":                            {Name: "Empty", Grants: []identity.Grant{{}}},
	}
	faulty["globex"].Users["odd"] = &identity.User{Name: "odd", Policies: []string{"Odd"}}
	faulty["globex"].Users["empty"] = &identity.User{Name: "empty", Policies: []string{"Empty"}}
	err := directory.SetCompanies(faulty)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`user loader has the policy "DataApiConsumer"`, `policy Bad: "default/**"`, "policy VisualizationViewer: a managed policy",
		`unknown action "data_api:admin"; the actions are [data_api:execute data_api:get_job data_api:cancel_job data_api:create_link data_api:get_usage visualization:view visualization:edit access:manage]`, "policy Empty: a grant names no action",
		"company acme: ", "company globex: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if _, err := directory.Verify("acme", key.ID, secret); err != nil {
		t.Errorf("a refused change took effect: %v", err)
	}
}

func TestPermissionDocument(t *testing.T) {
	keys := openKeys(t, openStore(t))
	directory := identity.NewDirectory(keys)
	companies := twoCompanies()
	companies["acme"].Users["limited"].ShareContext = params.ShareContext{
		"regiao": {Allowed: []json.RawMessage{json.RawMessage(`"Sul"`)}},
		"valor":  {Minimum: json.RawMessage(`1`), Maximum: json.RawMessage(`100.50`)},
		"nada":   {Allowed: []json.RawMessage{}},
	}
	if err := directory.SetCompanies(companies); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{
		"limited": `{"user":{"company_slug":"acme","name":"limited","display_name":"limited","policies":["SalesOnly"]},` +
			`"policies":[{"name":"SalesOnly","description":"Sales.","managed":false}],` +
			`"actions":[{"action":"data_api:execute","endpoints":["default/vendas-*","txhousing/by-city"]},` +
			`{"action":"data_api:get_job","endpoints":["default/*"]}],` +
			`"share_context":{"nada":{"allowed":[]},"regiao":{"allowed":["Sul"]},"valor":{"minimum":1,"maximum":100.50}}}`,
		"loader": `{"user":{"company_slug":"acme","name":"loader","display_name":"Nightly load","policies":["DataAPIConsumer"]},` +
			`"policies":[{"name":"DataAPIConsumer","description":"Run endpoints; read and cancel jobs.","managed":true}],` +
			`"actions":[{"action":"data_api:execute","endpoints":["*"]},{"action":"data_api:get_job","endpoints":["*"]},` +
			`{"action":"data_api:cancel_job","endpoints":["*"]}],` +
			`"share_context":{}}`,
		"nobody": `{"user":{"company_slug":"acme","name":"nobody","display_name":"nobody","policies":[]},` +
			`"policies":[],"actions":[],"share_context":{}}`,
	} {
		key, _ := createKey(t, directory, "acme", user)
		who, err := directory.Resolve("acme", user, key.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(who.Permissions())
		if err != nil || string(got) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", user, err, got, want)
		}
	}
}

func TestManagedPoliciesGrantTheGuidesActions(t *testing.T) {
	var names []string
	for _, policy := range identity.ManagedPolicies() {
		names = append(names, policy.Name)
		if !identity.ManagedPolicy(policy.Name) {
			t.Errorf("%s is not managed", policy.Name)
		}
		companies := twoCompanies()
		companies["acme"].Users["loader"].Policies = []string{policy.Name}
		directory := identity.NewDirectory(openKeys(t, openStore(t)))
		if err := directory.SetCompanies(companies); err != nil {
			t.Fatal(err)
		}
		key, _ := createKey(t, directory, "acme", "loader")
		who, err := directory.Resolve("acme", "loader", key.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !who.Authorize("data_api:execute", "any/endpoint") || !who.Authorize("data_api:get_job", "any/endpoint") {
			t.Errorf("%s lacks an action", policy.Name)
		}
		more := map[string]string{
			identity.PolicyVisualizationViewer:  "visualization:view",
			identity.PolicyVisualizationManager: "visualization:view visualization:edit",
			identity.PolicyCompanyAdministrator: "data_api:create_link data_api:get_usage visualization:view visualization:edit access:manage",
		}
		var got []string
		for _, action := range dataapi.Actions()[3:] {
			if who.Authorize(action, "any/endpoint") {
				got = append(got, string(action))
			}
		}
		if strings.Join(got, " ") != more[policy.Name] {
			t.Errorf("%s has %q beyond the guide's, want %q", policy.Name, got, more[policy.Name])
		}
	}
	if got := strings.Join(names, " "); got != "DataAPIConsumer VisualizationViewer VisualizationManager CompanyAdministrator" {
		t.Errorf("managed policies: %s", got)
	}
	identity.ManagedPolicies()[0].Grants[0].Actions[0] = "data_api:everything"
	if identity.ManagedPolicies()[0].Grants[0].Actions[0] != dataapi.ActionExecute {
		t.Error("a caller can change the managed policies")
	}
}

func TestChecksDoNotAllocate(t *testing.T) {
	directory := newDirectory(t, openKeys(t, openStore(t)))
	key, _ := createKey(t, directory, "acme", "limited")
	permitted := true
	allocations := testing.AllocsPerRun(1000, func() {
		who, err := directory.Resolve("acme", "limited", key.ID)
		permitted = permitted && err == nil && who.Authorize(dataapi.ActionExecute, "default/vendas-por-regiao") &&
			who.Authorize(dataapi.ActionExecute, "txhousing/by-city") && !who.Authorize(dataapi.ActionExecute, "txhousing/by-year")
	})
	if !permitted {
		t.Fatal("the check itself is wrong")
	}
	if allocations != 0 {
		t.Errorf("%v allocations for one check", allocations)
	}
}

func BenchmarkResolveAndPermit(b *testing.B) {
	directory := newDirectory(b, openKeys(b, openStore(b)))
	key, _ := createKey(b, directory, "acme", "limited")
	b.ReportAllocs()
	for b.Loop() {
		who, err := directory.Resolve("acme", "limited", key.ID)
		if err != nil || !who.Authorize(dataapi.ActionExecute, "default/vendas-por-regiao") {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	directory := newDirectory(b, openKeys(b, openStore(b)))
	key, secret := createKey(b, directory, "acme", "loader")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := directory.Verify("acme", key.ID, secret); err != nil {
			b.Fatal(err)
		}
	}
}
