package catalog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// withStore is a catalog of one company with a file, whose users may publish on the source demo.
type withStore struct {
	*testing.T
	*catalog.Catalog
	root   string
	asked  atomic.Int64
	refuse func(*catalog.Endpoint) error
}

func openWithStore(t *testing.T, tree files) *withStore {
	t.Helper()
	s := &withStore{T: t, root: build(t, tree)}
	opened, err := catalog.Open(s.root, catalog.Options{
		Dialects: dialects, Logger: slog.New(slog.DiscardHandler), Debounce: 10 * time.Millisecond, Rescan: time.Hour, Retry: time.Hour,
		Authors: document.Authors{"demo": {"acme"}, "other": nil},
		Check: func(_ context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
			s.asked.Add(1)
			if s.refuse != nil {
				if err := s.refuse(endpoint); err != nil {
					return nil, err
				}
			}
			return []source.Column{{Name: "n", Type: source.TypeInteger}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	s.Catalog = opened
	return s
}

func (s *withStore) store(company string, stored *catalog.Stored) {
	s.Helper()
	select {
	case <-s.SetStored(company, stored):
	case <-time.After(time.Minute):
		s.Fatal("what the store has is not read")
	}
}

// all are the diagnostics, with paths below the root.
func (s *withStore) all() string {
	var lines []string
	for _, fault := range s.Diagnostics() {
		lines = append(lines, strings.ReplaceAll(fault.WithEffect(), s.root+"/", ""))
	}
	return strings.Join(lines, "\n")
}

func (s *withStore) titleOf(company string) string {
	endpoint, _, ok := s.Current().Find(company, "default", "s")
	if !ok {
		return "nothing"
	}
	return endpoint.Title + " " + string(endpoint.Origin)
}

func stored(text string) *catalog.Stored {
	return &catalog.Stored{Endpoints: map[string][]byte{"default/s": []byte(text)}}
}

func storedText(title string) string {
	return "/*---\ntitle: " + title + "\nsource: demo\n---*/\nSELECT 1 AS n\n"
}

func TestEndpointsOfTheStore(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": "", "acme/default/file.sql": minimal, "globex/company.yaml": ""})
	s.store("acme", stored(storedText("One")))
	if got := s.titleOf("acme"); got != "One console" || s.all() != "" {
		t.Fatalf("live is %s; %s", got, s.all())
	}
	asked := s.asked.Load()
	s.store("acme", &catalog.Stored{Endpoints: map[string][]byte{"default/s": []byte(storedText("One")), "default/t": []byte(storedText("T"))}})
	if n := s.asked.Load() - asked; n != 1 {
		t.Errorf("the sources were asked %d times about one new endpoint", n)
	}
	if _, _, ok := s.Current().Find("globex", "default", "s"); ok {
		t.Error("another company finds it")
	}

	// At fault: the last good one stays, as of a file.
	s.store("acme", stored("/*---\ntitle: Two\nsource: demo\nmode: sink\n---*/\nSELECT 1 AS n\n"))
	if got, want := s.all(), "console:acme/default/s.sql:4:7: mode must be sync or async; got sink; did you mean sync? The last good revision stays live"; s.titleOf("acme") != "One console" || got != want {
		t.Errorf("live is %s\n got %s\nwant %s", s.titleOf("acme"), got, want)
	}
	if allowed := s.Diagnostics()[0].Allowed(); !slices.Equal(allowed, []string{"sync", "async"}) {
		t.Errorf("allowed are %q", allowed)
	}
	s.store("acme", nil)
	if got := s.titleOf("acme"); got != "nothing" || s.all() != "" {
		t.Errorf("after it went, live is %s; %s", got, s.all())
	}
}

func TestAFileGoesBeforeTheStore(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": "", "acme/default/s.sql": storedText("File")})
	s.store("acme", stored(storedText("Console")))
	want := "console:acme/default/s.sql:1:1: the file acme/default/s.sql of the catalog is served at this address, and goes before what the console has; " +
		"this endpoint comes back when the file goes"
	if got := s.all(); s.titleOf("acme") != "File file" || got != want {
		t.Errorf("live is %s\n got %s\nwant %s", s.titleOf("acme"), got, want)
	}
	entries := s.Entries("acme")
	if len(entries) != 2 || entries[0].Origin != catalog.OfFile || entries[0].Below != "acme/default/s.sql" || entries[0].Live == nil ||
		!entries[1].Shadowed || entries[1].Live != nil || len(entries[1].Faults) != 1 {
		t.Errorf("%+v", entries)
	}
	write(t, s.root, "acme/default/s.sql", "/*---\nsource: [\n---*/\nSELECT 1 AS n\n")
	eventually(t, "the file is at fault", func() bool { return len(s.Diagnostics()) > 1 })
	if got := s.titleOf("acme"); got != "File file" {
		t.Errorf("beside a file at fault, live is %s", got)
	}
	remove(t, s.root, "acme/default/s.sql")
	eventually(t, "the console's is served", func() bool { return s.titleOf("acme") == "Console console" })
	write(t, s.root, "acme/default/s.sql", storedText("File again"))
	eventually(t, "the file is served", func() bool { return s.titleOf("acme") == "File again file" })
}

func TestWhoMayPublishWhere(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": "", "globex/company.yaml": ""})
	for name, test := range map[string]struct{ company, text, want string }{
		"a source of others": {"acme", strings.Replace(storedText("x"), "demo", "other", 1), "3:9: source: company acme may not publish statements on source other; " +
			"an operator of the server allows it by the line `authors acme` in the source's block of the Caddyfile; the endpoint is not published"},
		"a source beside authors": {"globex", storedText("x"), "3:9: source: company globex may not publish statements on source demo; " +
			"an operator of the server allows it by adding globex to the line `authors` in the source's block of the Caddyfile; the endpoint is not published"},
		"no such source": {"acme", strings.Replace(storedText("x"), "demo", "dmeo", 1), "3:9: source: there is no source dmeo on which company acme may publish; " +
			"did you mean demo? Allowed are demo; the endpoint is not published"},
		"no source at all": {"globex", strings.Replace(storedText("x"), "demo", "dmeo", 1), "3:9: source: there is no source on which company globex may publish; " +
			"an operator of the server allows one by the line `authors globex` in its block of the Caddyfile; the endpoint is not published"},
		"a share": {"acme", "/*---\nsource: demo\nshare: { globex: {} }\n---*/\nSELECT 1 AS n\n", "3:1: share is for endpoint files: it changes what another company finds, " +
			"which is for an operator of the server to decide; the endpoint is not published"},
	} {
		asked := s.asked.Load()
		s.store(test.company, stored(test.text))
		if got, want := s.all(), "console:"+test.company+"/default/s.sql:"+test.want; got != want || s.titleOf(test.company) != "nothing" {
			t.Errorf("%s: live is %s\n got %s\nwant %s", name, s.titleOf(test.company), got, want)
		}
		if name != "a share" && s.asked.Load() != asked {
			t.Errorf("%s: the source was asked", name)
		}
		s.store(test.company, nil)
	}
	if got := s.titleOf("globex"); got != "nothing" {
		t.Errorf("globex finds %s", got)
	}
}

func TestCompaniesAndUsersOfTheStore(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": "rate: 10/1m\nusers: { erp: { policies: [DataAPIConsumer] } }\npolicies: { Own: { grants: [{ actions: [data_api:execute] }] } }\n"})
	s.store("acme", &catalog.Stored{Users: map[string][]byte{
		"ana":  []byte(`{"name": "Ana", "policies": ["Own", "CompanyAdministrator"]}`),
		"erp":  []byte(`{"policies": []}`),
		"odd":  []byte("policies: [Nothing]\n"),
		"Name": []byte("{}"),
		"erp2": []byte("subject: erp\n"),
	}})
	want := `console:acme/users/Name:1:1: users: the name "Name" must be 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit; did you mean name? The user of the store is refused
console:acme/users/erp:1:1: users.erp: acme/company.yaml describes this user, and goes before what the store has; remove the user from one of them; the user of the store is refused
console:acme/users/erp2:1:1: users.erp2: trusted issuers call the user "erp", as they do the user erp; a subject, or the name of a user without one, must be unique; the user of the store is refused
console:acme/users/odd:1:12: users.odd.policies names the unknown policy "Nothing"; allowed are DataAPIConsumer, VisualizationViewer, VisualizationManager, CompanyAdministrator, Own; the user of the store is refused`
	if got := s.all(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	users := func(company string) string {
		found, ok := s.Current().Company(company)
		if !ok {
			return "no company"
		}
		var list []string
		for name, user := range found.Users {
			list = append(list, fmt.Sprint(name, " ", user.Active, " ", len(user.Policies)))
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	if got := users("acme"); got != "ana true 2, erp true 1" {
		t.Errorf("users: %s", got)
	}
	company, _ := s.Current().Company("acme")
	if company.Users["ana"].DisplayName != "Ana" || company.Users["ana"].Rate != company.Users["erp"].Rate {
		t.Errorf("%+v", company.Users["ana"])
	}

	// What takes access away holds although the company's file is at fault.
	write(t, s.root, "acme/company.yaml", "users: { erp: { polices: [] } }\n")
	eventually(t, "the file is at fault", func() bool { return strings.Contains(s.all(), "company.yaml:1") })
	if got := users("acme"); got != "ana true 2, erp true 1" {
		t.Errorf("beside a file at fault: %s", got)
	}
	s.store("acme", nil)
	if got := users("acme"); got != "ana false 2, erp true 1" {
		t.Errorf("deleted beside a file at fault: %s", got)
	}
	write(t, s.root, "acme/company.yaml", "users: { erp: { policies: [DataAPIConsumer] } }\n")
	eventually(t, "the file is sound", func() bool { return users("acme") == "erp true 1" })

	// A company that is in the store alone.
	s.store("globex", &catalog.Stored{
		Company: []byte("name: Globex\n"), Users: map[string][]byte{"bob": []byte("{policies: [DataAPIConsumer]}")},
		Endpoints: map[string][]byte{"default/s": []byte(storedText("G"))},
	})
	if got := users("globex"); got != "bob true 1" || s.all() != "console:globex/default/s.sql:3:9: "+
		"source: company globex may not publish statements on source demo; an operator of the server allows it by adding globex to the line `authors` "+
		"in the source's block of the Caddyfile; the endpoint is not published" {
		t.Errorf("globex has %s; %s", got, s.all())
	}
	if err := s.Reload(); err == nil || users("globex") != "bob true 1" {
		t.Errorf("after a reading of everything globex has %s", users("globex"))
	}
	write(t, s.root, "globex/company.yaml", "name: File\n")
	eventually(t, "the file describes it", func() bool { c, _ := s.Current().Company("globex"); return c.Name == "File" })
	if !strings.Contains(s.all(), "console:globex/company.yaml:1:1: globex/company.yaml describes this company, and goes before what the store has") {
		t.Error(s.all())
	}
	remove(t, s.root, "globex")
	eventually(t, "the store describes it", func() bool { c, _ := s.Current().Company("globex"); return c.Name == "Globex" })
	s.store("globex", nil)
	if got := users("globex"); got != "no company" {
		t.Errorf("after it went: %s", got)
	}
}

func TestCheckUser(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": "users: { erp: {} }\npolicies: { Own: { grants: [{ actions: [data_api:execute] }] } }\n"})
	s.store("acme", &catalog.Stored{Users: map[string][]byte{"ana": []byte("policies: [Own]\n")}})
	for value, want := range map[string]string{
		`{"policies": ["Own"]}`:     "",
		`{"policies": ["Owner"]}`:   `1:15: users.ana.policies names the unknown policy "Owner"; allowed are DataAPIConsumer, VisualizationViewer, VisualizationManager, CompanyAdministrator, Own`,
		`{"subject": "erp"}`:        `1:1: users.ana: trusted issuers call the user "erp", as they do the user erp; a subject, or the name of a user without one, must be unique`,
		`{"polices": [], "rate":1}`: `1:2: in users.ana: unknown key "polices"; did you mean policies?`,
	} {
		_, faults := s.CheckUser("acme", "ana", []byte(value))
		got := strings.TrimPrefix(faults.Error(), "console:acme/users/ana:")
		if got != want && (want == "" || !strings.HasPrefix(got, want)) {
			t.Errorf("%s:\n got %s\nwant %s", value, got, want)
		}
	}
	if _, faults := s.CheckUser("none", "ana", nil); len(faults) == 0 {
		t.Error("a user of no company is fine")
	}
	if _, got := s.CheckUser("acme", "erp", []byte("{}")); !strings.Contains(got.Error(), "describes this user") {
		t.Error(got)
	}
}

func TestStoredPolicies(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": "users: { erp: {} }\npolicies: { Own: { grants: [{ actions: [data_api:execute] }] } }\n"})
	grants := []byte(`{"grants":[{"actions":["data_api:execute"],"endpoints":["a/b"]}]}`)
	s.store("acme", &catalog.Stored{
		Policies: map[string][]byte{"Few": grants, "Own": grants, "Broken": []byte(`{"grants":[]}`)},
		Users:    map[string][]byte{"ana": []byte("policies: [Few, Own]\n"), "bob": []byte("policies: [Broken]\n")},
	})
	acme, _ := s.Current().Company("acme")
	if acme.Policies["Few"] == nil || !acme.Policies["Few"].Stored || acme.Policies["Own"].Stored || acme.Policies["Broken"] != nil ||
		acme.Users["ana"] == nil || acme.Users["bob"] != nil {
		t.Errorf("%+v %+v", acme.Policies, acme.Users)
	}
	for _, part := range []string{
		"console:acme/policies/Own:1:1: policies.Own: ", "console:acme/policies/Broken:1:1: ", "console:acme/users/bob:1:12: users.bob.policies names the unknown policy",
		"the policy is left out, and users who have it by the store are refused",
	} {
		if !strings.Contains(s.all(), part) {
			t.Errorf("%s lacks %s", s.all(), part)
		}
	}
	if made, faults := s.CheckPolicy("acme", "Few", []byte(`{"grants":[{"actions":["data_api:get_job"]}]}`)); faults != nil || len(made.Grants) != 1 {
		t.Errorf("%+v %v", made, faults)
	}
	for name, value := range map[string]string{"Own": string(grants), "DataAPIConsumer": string(grants), "9": string(grants), "New": `{"grant":[]}`} {
		if made, faults := s.CheckPolicy("acme", name, []byte(value)); made != nil || len(faults) == 0 {
			t.Errorf("%s: %+v %v", name, made, faults)
		}
	}
	// One that goes takes what it granted with it.
	s.store("acme", &catalog.Stored{Users: map[string][]byte{"ana": []byte("policies: [Few]\n")}})
	if acme, _ := s.Current().Company("acme"); acme.Users["ana"] != nil || acme.Policies["Few"] != nil {
		t.Errorf("%+v", acme.Users["ana"])
	}
}

// A draft that is sound by itself says what would come of it.
func TestDraftWarnings(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{
		"acme/company.yaml": "users: { erp: { share_context: { region: South } }, ana: { share_context: { region: North } } }\n",
		"acme/a/b.sql":      "/*---\nsource: demo\nparams: { region: { type: string }, n: { type: integer }, gone: { type: string } }\n---*/\nSELECT @region AS x, @n AS n, @gone AS g",
	})
	address := dataapi.Address{Company: "acme", Namespace: "a", Slug: "b"}
	columns := []source.Column{{Name: "n", Type: source.TypeInteger}}
	check := func(params, sql string) string {
		draft, err := s.CheckDraft(t.Context(), address, []byte("/*---\nsource: demo\nparams: { "+params+" }\n---*/\n"+sql),
			func(context.Context, *catalog.Endpoint) ([]source.Column, error) { return columns, nil })
		if err != nil || len(draft.Faults) > 0 {
			t.Fatal(draft.Faults, err)
		}
		var words []string
		for _, one := range draft.Warnings {
			words = append(words, fmt.Sprint(one.Line, ":", one.Column, " ", one.Message))
		}
		return strings.Join(words, "\n")
	}
	const same = "region: { type: string }, n: { type: integer }, gone: { type: string }"
	for _, columns = range [][]source.Column{
		{{Name: "n", Type: source.TypeInteger}}, {{Name: "new", Type: source.TypeVarchar}, {Name: "n"}}, nil,
	} {
		if got := check(same, "SELECT @region AS x, @n AS n, @gone AS g"); got != "" {
			t.Errorf("%v harms nobody: %s", columns, got)
		}
	}
	columns = []source.Column{{Name: "n", Type: source.TypeVarchar}, {Name: "m"}}
	if got := check(same, "SELECT @region AS x, @n AS n, @gone AS g"); got != "5:1 the result has other columns than that of the live revision: n is varchar and was integer" {
		t.Error(got)
	}
	columns = nil
	got := check("region: { type: string, enum: [South] }, n: { type: decimal, required: true }", "SELECT @region AS x, @n AS n")
	for _, part := range []string{
		"5:1 parameter gone of the live revision is gone", "3:52 parameter n is required, and is not in the live revision",
		"3:11 users.ana.share_context: region", "the endpoint does not take this value from the user",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
	if got := check("n: { type: decimal }, gone: { type: string }", "SELECT @n AS n, @gone AS g"); !strings.Contains(got, "n has another type than in the live revision, where it is integer") ||
		strings.Count(got, `constrains "region", which would be a parameter of no endpoint`) != 2 {
		t.Error(got)
	}
}

// A caller that waits for a reading that was asked for does not ask for another one.
func TestSettled(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": ""})
	for i := range 50 {
		s.SetStored("acme", stored(storedText(fmt.Sprint(i))))
		select {
		case <-s.Settled("acme"):
		case <-time.After(time.Minute):
			t.Fatal("it does not settle")
		}
		if got := s.titleOf("acme"); got != fmt.Sprint(i, " console") {
			t.Fatalf("settled with %s, not %d", got, i)
		}
	}
	<-s.Settled("nobody")
}

// BenchmarkSave is what the catalog does for a save: one document has changed, of a company with many files.
func BenchmarkSave(b *testing.B) {
	for _, count := range []int{100, 2000} {
		b.Run(fmt.Sprint(count, " files"), func(b *testing.B) {
			root := b.TempDir()
			write := func(name, text string) {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			write("acme/company.yaml", "")
			for i := range count {
				write(fmt.Sprintf("acme/ns-%d/e-%d.sql", i%20, i), storedText("x"))
			}
			opened, err := catalog.Open(root, catalog.Options{
				Dialects: dialects, Logger: slog.New(slog.DiscardHandler), Rescan: time.Hour, Retry: time.Hour, Authors: document.Authors{"demo": {"acme"}},
				Check: func(context.Context, *catalog.Endpoint) ([]source.Column, error) { return nil, nil },
			})
			if err != nil {
				b.Fatal(err)
			}
			defer opened.Close()
			n := 0
			for b.Loop() {
				n++
				opened.SetStored("acme", stored(storedText(fmt.Sprint(n))))
				<-opened.Settled("acme")
			}
		})
	}
}

func TestCheckDraft(t *testing.T) {
	t.Parallel()
	s := openWithStore(t, files{"acme/company.yaml": ""})
	address := dataapi.Address{Company: "acme", Namespace: "default", Slug: "s"}
	check := func(text string, judge func(context.Context, *catalog.Endpoint) ([]source.Column, error)) (catalog.Draft, string, error) {
		draft, err := s.CheckDraft(t.Context(), address, []byte(text), judge)
		return draft, strings.ReplaceAll(draft.Faults.Error(), "console:acme/default/s.sql:", ""), err
	}
	columns := []source.Column{{Name: "n", Type: source.TypeInteger}, {Name: "city", Type: source.TypeVarchar}}
	fine := func(context.Context, *catalog.Endpoint) ([]source.Column, error) { return columns, nil }
	for text, want := range map[string]string{
		storedText("x"): "",
		"/*---\nsource: demo\ncolumns: { m: {} }\n---*/\nSELECT 1": `3:12: columns: the result has no column "m"; allowed are n, city`,
		"/*---\nsource: demo\nmode: x\nlimits: { timeout: 0 }\n---*/\nSELECT @p": "3:7: mode must be sync or async; got x\n" +
			"4:20: limits.timeout must be a duration such as 500ms, 5s or 10m, from 1ms to 1m; got 0\n6:8: @p is not declared in params; none is declared",
		"/*---\nsource: demo\nchart: { type: line, x: n, y: [city, m], series: c }\n---*/\nSELECT 1": `3:32: chart.y: the column "city" holds no numbers; allowed are n` +
			"\n" + `3:38: chart.y: the result has no column "m"; allowed are n` + "\n" + `3:50: chart.series: the result has no column "c"; allowed are n, city`,
		"/*---\nsource: demo\nchart: { type: pie, y: [] }\n---*/\nSELECT 1": "3:1: chart.x is missing; it names the column along the axis\n" +
			`3:16: chart.type must be one of line, bar, area, scatter, heatmap; got "pie"; did you mean line?` + "\n3:24: chart.y must list 1 to 10 columns; got 0",
		"/*---\nsource: demo\nchart: { type: heatmap, x: n, y: [n, city] }\n---*/\nSELECT 1": "3:1: chart.series is missing; of a heat map it names the column of the other axis\n" +
			"3:34: chart.y of a heat map is one column, which colours its cells; got 2",
		"/*---\nsource: demo\nchart: { type: bar, x: city, y: n }\n---*/\nSELECT 1": "",
	} {
		draft, got, err := check(text, fine)
		if err != nil || !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s:\n%v\n got %s\nwant %s", text, err, got, want)
		}
		if want == "" && (!draft.Asked || len(draft.Columns) != 2) {
			t.Errorf("%+v", draft)
		}
	}
	_, got, err := check(storedText("x"), func(context.Context, *catalog.Endpoint) ([]source.Column, error) {
		return nil, &source.StatementError{Offset: 7, Message: "no such thing"}
	})
	if got != "5:8: no such thing" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	draft, got, err := check("/*---\nsource: demo\nlimits: { max_rows: 0 }\n---*/\nSELECT 1", func(context.Context, *catalog.Endpoint) ([]source.Column, error) {
		return nil, &dataapi.Error{Code: dataapi.CodeSourceUnavailable}
	})
	if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || !strings.Contains(got, "max_rows") || draft.Asked {
		t.Errorf("%s, %v", got, err)
	}
	if s.Current().Endpoints() != nil && len(s.Current().Endpoints()) != 0 {
		t.Error("a draft is live")
	}
}

func remove(t *testing.T, root, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}
