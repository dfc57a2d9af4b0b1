package execution_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// telltale is a source whose rows are all that a database could be shown: whatever reaches it can change what it answers.
type telltale struct{ claims bool }

func (s telltale) Compile(statement source.Statement) (source.Query, error) {
	return telling{statement, s.claims}, nil
}

func (telltale) Close() error { return nil }

type telling struct {
	statement source.Statement
	claims    bool
}

func (q telling) Check(context.Context) ([]source.Column, error) { return nil, nil }
func (q telling) UsesClaims() bool                               { return q.claims }

func (q telling) Run(_ context.Context, call source.Call, sink source.Sink) error {
	shown := q.statement.SQL
	for _, arg := range call.Args {
		shown += fmt.Sprintf("|%v", arg)
	}
	if q.claims {
		shown += fmt.Sprintf("|%s|%s|%s", call.Claims.Company, call.Claims.User, call.Claims.ShareContext)
	}
	if err := sink.Columns([]source.Column{{Name: "shown", Type: source.TypeVarchar}}); err != nil {
		return err
	}
	return sink.Row([]source.Value{{Kind: source.KindText, Bytes: []byte(shown)}})
}

// cachedPlan loads a catalog whose endpoints are shared in different ways, on a source with claims and one without.
func cachedPlan(t *testing.T) *execution.Plan {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, company := range []string{"acme", "globex", "initech"} {
		write(company+"/company.yaml", "name: "+company+"\n")
		for _, source := range []string{"open", "claims"} {
			write(company+"/default/"+source+".sql", "/*---\nsource: "+source+"\nparams: { a: { type: string }, b: { type: integer, default: 1 } }\nlimits: { cache: 1m }\n"+
				map[string]string{
					"acme":    "",
					"globex":  "",
					"initech": "share: { acme: { a: [x, y] }, globex: { a: x } }\n",
				}[company]+"---*/\nSELECT @a AS a, @b AS b")
			write("initech/shared/"+source+".sql", "/*---\nsource: "+source+"\nparams: { a: { type: string }, b: { type: integer, default: 1 } }\nlimits: { cache: 1m }\n"+
				"share: { acme: { a: [x, y] }, globex: { a: x } }\n---*/\nSELECT @a AS a, @b AS b, 1 AS c")
		}
	}
	snapshot, err := catalog.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return execution.NewPlan(snapshot, execution.NewQueries(execution.Sources{"open": telltale{}, "claims": telltale{true}}))
}

// TestCallersWhoMaySeeDifferentRowsShareNoEntry: any two calls with one key get the same bytes from a database that answers
// with all that it is shown, and come from one company and one share context; those that are the same in all of this
// have one key.
func TestCallersWhoMaySeeDifferentRowsShareNoEntry(t *testing.T) {
	plan := cachedPlan(t)
	type call struct {
		key     cache.Key
		rows    string
		visible string
	}
	draw := func(t *rapid.T, name string) (call, bool) {
		company := rapid.SampledFrom([]string{"acme", "globex", "initech"}).Draw(t, name+" company")
		user := rapid.SampledFrom([]string{"integration", "reader"}).Draw(t, name+" user")
		namespace := rapid.SampledFrom([]string{"default", "shared"}).Draw(t, name+" namespace")
		slug := rapid.SampledFrom([]string{"open", "claims"}).Draw(t, name+" slug")
		form := rapid.SampledFrom([]string{"json", "csv", "csv-escaped"}).Draw(t, name+" form")
		own := rapid.SampledFrom([]params.ShareContext{
			nil, {"a": {Allowed: []json.RawMessage{[]byte(`"x"`)}}}, {"a": {Allowed: []json.RawMessage{[]byte(`"x"`), []byte(`"y"`)}}},
			{"b": {Minimum: []byte("1")}}, {"other": {Allowed: []json.RawMessage{[]byte(`"x"`)}}},
		}).Draw(t, name+" context")
		values := rapid.SampledFrom([]string{`{}`, `{"a":"x"}`, `{"a":"y"}`, `{"a":"x","b":1}`, `{"b":2,"a":"x"}`, `{"a":null}`, `{"a":"x\u0000"}`, `{"a":"*"}`}).Draw(t, name+" values")
		found, err := plan.Find(company, namespace, slug)
		if err != nil {
			return call{}, false
		}
		bound, err := found.Bind(identity.Principal{
			Company: &identity.Company{Slug: company}, User: &identity.User{Name: user, ShareContext: own},
		}, json.RawMessage(values))
		if err != nil {
			return call{}, false
		}
		key, err := bound.CacheKey(form)
		if err != nil {
			t.Fatal(err)
		}
		var rows bytes.Buffer
		encoder := result.NewJSON(&rows, result.JSONOptions{OmitLimits: true})
		defer encoder.Close()
		if _, err := bound.Run(context.Background(), encoder); err != nil {
			t.Fatal(err)
		}
		limits, err := params.Intersect(found.Endpoint.Shares[company], own).Canonical()
		if err != nil {
			t.Fatal(err)
		}
		if slug != "claims" {
			user = "" // nothing tells users of one company and context apart
		}
		visible := fmt.Sprintf("%s %s %s %s %s", found.Endpoint.Address, company, user, limits, form)
		return call{key, rows.String(), visible}, true
	}
	met, shared := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var calls []call
		for i := range 60 {
			if drawn, ok := draw(t, fmt.Sprint("call ", i)); ok {
				calls = append(calls, drawn)
			}
		}
		for i, left := range calls {
			for _, right := range calls[:i] {
				met++
				same := left.rows == right.rows && left.visible == right.visible
				if same {
					shared++
				}
				if (left.key == right.key) != same {
					t.Fatalf("one key: %t\n%s: %s\n%s: %s", left.key == right.key, left.visible, left.rows, right.visible, right.rows)
				}
			}
		}
	})
	t.Logf("%d pairs, %d of which share an entry", met, shared)
	if shared == 0 || shared == met {
		t.Error("the calls were all alike, or no two of them were")
	}
}

// TestRevisionsShareNoEntry: an endpoint whose file has changed, if by a word, starts with nothing kept.
func TestRevisionsShareNoEntry(t *testing.T) {
	keys := map[cache.Key]bool{}
	for _, text := range []string{"SELECT 1 AS one", "SELECT 2 AS one"} {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "acme", "default"), 0o755); err != nil {
			t.Fatal(err)
		}
		for path, content := range map[string]string{
			"acme/company.yaml": "name: Acme\n", "acme/default/x.sql": "/*---\nsource: open\nlimits: { cache: 1m }\n---*/\n" + text,
		} {
			if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		snapshot, err := catalog.Load(root)
		if err != nil {
			t.Fatal(err)
		}
		found, err := execution.NewPlan(snapshot, execution.NewQueries(execution.Sources{"open": telltale{}})).Find("acme", "default", "x")
		if err != nil {
			t.Fatal(err)
		}
		bound, err := found.Bind(identity.Principal{Company: &identity.Company{Slug: "acme"}, User: &identity.User{Name: "a"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err := bound.CacheKey("json")
		if err != nil {
			t.Fatal(err)
		}
		keys[key] = true
	}
	if len(keys) != 2 {
		t.Error("two revisions have one key")
	}
}
