package catalog_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

type faultCase struct {
	text string
	want []string // line:column: message
}

// check loads a tree for each case, in which the case's text makes one file, and compares the faults of that file.
func check(t *testing.T, file string, cases []faultCase, tree func(text string) files) {
	t.Helper()
	for _, test := range cases {
		got := lines(t, build(t, tree(test.text)))
		want := file + ":" + strings.Join(test.want, "\n"+file+":")
		if got != want {
			t.Errorf("%s\n got\n%s\nwant\n%s", test.text, got, want)
		}
	}
}

func TestFrontMatterFaults(t *testing.T) {
	check(t, "acme/default/s.sql", frontMatterCases, func(text string) files {
		return files{
			"acme/company.yaml": "", "globex/company.yaml": "",
			"acme/default/s.sql": "/*---\nsource: demo\n" + text + "---*/\nSELECT 1 AS n" + usesOf(text) + "\n",
		}
	})
}

var oneLetterParam = regexp.MustCompile(`(?m)(?:^  |[{,] )([a-z]):`)

// usesOf writes the end of a statement that uses every parameter that a case declares: they have one letter each.
func usesOf(text string) string {
	_, declared, _ := strings.Cut(text, "params:")
	declared, _, _ = strings.Cut(declared, "share:")
	uses := ""
	for _, match := range oneLetterParam.FindAllStringSubmatch(declared, -1) {
		uses += ", @" + match[1]
	}
	return uses
}

func TestEndpointFileFaults(t *testing.T) {
	check(t, "acme/default/s.sql", endpointFileCases, func(text string) files {
		return files{"acme/company.yaml": "", "acme/default/s.sql": text}
	})
}

func TestCompanyFileFaults(t *testing.T) {
	check(t, "acme/company.yaml", companyFileCases, func(text string) files {
		return files{
			"acme/company.yaml":  text,
			"acme/default/s.sql": "/*---\nsource: x\nparams: { regiao: {type: string}, n: {type: integer} }\n---*/\nSELECT @regiao AS r, @n AS n",
		}
	})
}

func TestTreeFaults(t *testing.T) {
	root := build(t, files{
		"acme/company.yaml": "", "acme/company.yml": "", "acme/y.sql": minimal, "x.sql": minimal,
		"Bad/company.yaml": "", "nofile/default/s.sql": minimal, "acme/_ns/x.sql": minimal,
		"acme/default/Bad_Name.sql": minimal, "acme/default/deep/s.sql": minimal, "acme/default/s.SQL": minimal,
		"acme/default/company.yaml": "", "acme/default/big.sql": minimal + strings.Repeat(" ", 1<<20),
	})
	outside := filepath.Join(t.TempDir(), "secret.sql")
	if err := os.WriteFile(outside, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"linked": filepath.Dir(outside), "acme/default/p.sql": outside, "acme/default/m.sql": "missing", "acme/default/up.sql": "../../../secret.sql",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	const slugRule = "1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"
	const link = ":1:1: is a symbolic link that leads out of the catalog or nowhere; allowed are links to files and directories of the catalog"
	want := []string{
		`Bad:1:1: the directory's name is the company's slug; it must be ` + slugRule + `. A directory whose name begins with a dot is ignored; did you mean bad?`,
		`acme/_ns:1:1: the directory's name is the namespace's slug; it must be ` + slugRule + `. A directory whose name begins with a dot is ignored; did you mean ns?`,
		`acme/company.yml:1:1: is not read here; a company is described by <company>/company.yaml`,
		`acme/default/Bad_Name.sql:1:1: the file's name without .sql is the endpoint's slug; it must be ` + slugRule + `; did you mean bad-name.sql?`,
		`acme/default/big.sql:1:1: is larger than 1 MiB`,
		`acme/default/company.yaml:1:1: is not read here; a company is described by <company>/company.yaml`,
		`acme/default/deep:1:1: is a directory below a namespace; allowed are <company>/<namespace>/<slug>.sql`,
		`acme/default/m.sql` + link,
		`acme/default/p.sql` + link,
		`acme/default/s.SQL:1:1: is not served here; endpoints are <company>/<namespace>/<slug>.sql, in lower case; did you mean s.sql?`,
		`acme/default/up.sql` + link,
		`acme/y.sql:1:1: is not served here; endpoints are <company>/<namespace>/<slug>.sql, in lower case`,
		`linked` + link,
		`nofile/company.yaml:1:1: is missing; every directory of the catalog is a company and needs one`,
		`x.sql:1:1: is not served here; endpoints are <company>/<namespace>/<slug>.sql, in lower case`,
	}
	if got := lines(t, root); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestSharesThatCannotBeToldApart(t *testing.T) {
	shared := "/*---\nsource: x\nshare: {c: {}, a: {}, nobody: {}}\n---*/\nSELECT 1 AS n"
	root := build(t, files{
		"a/company.yaml": "", "b/company.yaml": "", "c/company.yaml": "",
		"a/default/s.sql": strings.Replace(shared, "a: {}, nobody: {}", "", 1), "b/default/s.sql": shared,
	})
	want := `a/default/s.sql:3:9: share.c: default/s is shared with c by b too, so that a call could mean either; rename one or take one share back
b/default/s.sql:3:9: share.c: default/s is shared with c by a too, so that a call could mean either; rename one or take one share back
b/default/s.sql:3:23: share.nobody: there is no such company; the catalog has a, b, c`
	if got := lines(t, root); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLinksInsideTheCatalogAreFollowed(t *testing.T) {
	root := build(t, files{"acme/company.yaml": "", "acme/default/s.sql": minimal})
	if err := os.Symlink("s.sql", filepath.Join(root, "acme", "default", "alias.sql")); err != nil {
		t.Fatal(err)
	}
	snapshot, err := catalog.Load(root, dialects...)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := snapshot.Find("acme", "default", "alias"); !ok {
		t.Error("the linked endpoint is missing")
	}
}

func TestRootThatCannotBeRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := catalog.Load(missing, dialects...); err == nil || err.Error() != missing+":1:1: does not exist; it must be a directory with one directory for each company" {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.Load(file, dialects...); err == nil || err.Error() != file+":1:1: cannot be read: not a directory" {
		t.Error(err)
	}
}

// A parameter that is at fault does not make the share contexts wrong that name it.
func TestAFaultOfAParameterIsNoFaultOfContexts(t *testing.T) {
	got := lines(t, build(t, files{
		"acme/company.yaml":  "users: { erp: { share_context: { regiao: Sul } } }",
		"acme/default/s.sql": "/*---\nsource: x\nparams: { regiao: { type: text } }\n---*/\nSELECT @regiao AS r",
	}))
	if want := `acme/default/s.sql:3:27: params.regiao.type must be one of string, integer, decimal, boolean, date, timestamp, uuid, or an array of one such as array<integer>; got text; did you mean string?`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// FuzzParse looks for panics and for endpoints that come with a fault, or without a sound statement.
func FuzzParse(f *testing.F) {
	f.Add([]byte(vendas), true)
	f.Add([]byte(acme), false)
	for _, test := range frontMatterCases {
		f.Add([]byte("/*---\nsource: demo\n"+test.text+"---*/\nSELECT 1 AS n\n"), true)
	}
	for _, test := range endpointFileCases {
		f.Add([]byte(test.text), true)
	}
	for _, test := range companyFileCases {
		f.Add([]byte(test.text), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, endpoint bool) {
		checkParse(t, text, endpoint)
	})
}

// checkParse parses one document and checks what holds for every text.
func checkParse(t *testing.T, text []byte, asEndpoint bool) {
	r := document.Report{File: "f", Dialects: document.Dialects{Others: dialects}}
	var sound bool
	if asEndpoint {
		var endpoint *catalog.Endpoint
		if endpoint, sound = document.ParseEndpoint(dataapi.Address{Company: "acme", Namespace: "default", Slug: "s"}, text, &r); sound {
			if endpoint.Contract == nil || endpoint.Statement.SQL == "" || endpoint.Source == "" || endpoint.Limits.Timeout <= 0 {
				t.Fatalf("%+v", endpoint)
			}
			for offset := range len(endpoint.Statement.SQL) {
				if line, column := endpoint.Position(offset); line < 4 || column < 1 {
					t.Fatalf("offset %d is at %d:%d", offset, line, column)
				}
			}
		}
	} else {
		company, _ := document.ParseCompany("acme", text, &r)
		sound = company != nil
	}
	if sound != (len(r.All()) == 0) {
		t.Fatalf("sound: %v, faults: %v", sound, r.All())
	}
	for _, fault := range r.All() {
		if fault.Line < 1 || fault.Column < 1 || fault.Message == "" {
			t.Fatalf("%+v", fault)
		}
	}
}
