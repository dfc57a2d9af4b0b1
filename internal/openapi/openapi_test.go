package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/openapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/source"
)

// described is a source that only describes columns: the same for each statement.
type described []source.Column

func (d described) Compile(source.Statement) (source.Query, error) {
	return describedQuery{columns: d}, nil
}
func (described) Close() error { return nil }

type describedQuery struct {
	source.Query
	columns []source.Column
}

func (q describedQuery) Check(context.Context) ([]source.Column, error) { return q.columns, nil }

var options = openapi.Options{Formats: formats.All}

type failer interface{ Fatal(...any) }

// offersOf is what a user who may do everything is offered of these endpoint files.
func offersOf(t failer, dir string, files map[string]string, columns []source.Column) (identity.Principal, []execution.Offer) {
	files["acme/company.yaml"] = "name: Acme\n"
	for path, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := catalog.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	queries := execution.NewQueries(execution.Sources{"main": described(columns)})
	for _, endpoint := range snapshot.Endpoints() {
		if _, err := queries.Check(context.Background(), endpoint); err != nil {
			t.Fatal(err)
		}
	}
	company, _ := snapshot.Company("acme")
	caller, err := identity.NewPrincipal(company, &identity.User{Policies: []string{identity.PolicyDataAPIConsumer}})
	if err != nil {
		t.Fatal(err)
	}
	offers, _ := execution.NewPlan(snapshot, queries).Offers(caller, execution.Wanted{})
	return caller, offers
}

func documentOf(t failer, dir string, files map[string]string, columns []source.Column) []byte {
	caller, offers := offersOf(t, dir, files, columns)
	document, err := openapi.Document(caller, offers, options)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// The document begins with the paths that everybody has, as the contract has them.
func TestDocumentHasThePathsOfTheContract(t *testing.T) {
	dir := t.TempDir()
	var document struct {
		Paths map[string]json.RawMessage
	}
	if err := json.Unmarshal(documentOf(t, dir, make(map[string]string), nil), &document); err != nil {
		t.Fatal(err)
	}
	want := []string{
		dataapi.PathJWKS, dataapi.PathOAuth, dataapi.PathAPIKey, dataapi.PathLogout, dataapi.PathPermissions, dataapi.PathRefresh,
		dataapi.PathSession, dataapi.PathSignedIn + "/{provider}", dataapi.PathRenew, dataapi.PathSignIn, dataapi.PathToken, dataapi.PathEndpoints, dataapi.PathOpenAPI,
		dataapi.PathJobs, dataapi.PathJobs + "/{job_id}",
	}
	if got := slices.Sorted(maps.Keys(document.Paths)); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// What a caller may not use is not in its document, and a user who may do everything has every route of a caller's.
func TestDocumentOfAnAdministrator(t *testing.T) {
	type documented struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	read := func(policy string) (document documented) {
		user := &identity.User{Name: "ana", Active: true, Policies: []string{policy}}
		caller, err := identity.NewPrincipal(&identity.Company{Slug: "acme", Name: "Acme", Active: true}, user)
		if err != nil {
			t.Fatal(err)
		}
		text, err := openapi.Document(caller, nil, options)
		if err == nil {
			err = json.Unmarshal(text, &document)
		}
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	administrators, editors := read(identity.PolicyCompanyAdministrator), read(identity.PolicyVisualizationManager)
	for _, pattern := range dataapi.CallerPaths() {
		parent, below := strings.CutSuffix(pattern, "/*")
		found := slices.ContainsFunc(slices.Collect(maps.Keys(administrators.Paths)), func(path string) bool {
			return path == pattern || below && (strings.HasPrefix(path, parent+"/") || administrators.Paths[parent] != nil)
		})
		if !found {
			t.Errorf("%s is not documented", pattern)
		}
	}
	if editors.Paths[dataapi.PathUsers] != nil || editors.Components.Schemas["ManagedUser"] != nil || editors.Paths[dataapi.PathStatus] == nil {
		t.Errorf("an editor is told of %q", slices.Sorted(maps.Keys(editors.Paths)))
	}
}

// However namespaces and slugs are chosen, each endpoint has operations and schemas of its own.
func TestNamesAreDistinct(t *testing.T) {
	parent, draws := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		draws++
		dir := filepath.Join(parent, strconv.Itoa(draws))
		slug := rapid.StringMatching(`[ab1](-?[ab1]){0,2}`)
		files := make(map[string]string)
		for range rapid.IntRange(1, 5).Draw(t, "endpoints") {
			files["acme/"+slug.Draw(t, "namespace")+"/"+slug.Draw(t, "slug")+".sql"] = "/*---\nsource: main\n---*/\nSELECT 1 AS n\n"
		}
		var document struct {
			Paths      map[string]map[string]json.RawMessage
			Components struct{ Schemas map[string]json.RawMessage }
		}
		if err := json.Unmarshal(documentOf(t, dir, files, described{{Name: "n", Type: source.TypeInteger}}), &document); err != nil {
			t.Fatal(err)
		}
		operations, results := make(map[string]string), 0
		for path, item := range document.Paths {
			for method, raw := range item {
				var operation struct{ OperationID string }
				if method == "parameters" {
					continue
				}
				if err := json.Unmarshal(raw, &operation); err != nil {
					t.Fatal(err)
				}
				if other, twice := operations[operation.OperationID]; twice || operation.OperationID == "" {
					t.Fatalf("%s %s and %s are both %q", method, path, other, operation.OperationID)
				}
				operations[operation.OperationID] = path
			}
		}
		for name := range document.Components.Schemas {
			if strings.HasSuffix(name, "Row") && name != "EndpointRow" { // which the jobs of all have in common
				results++
			}
		}
		if results != len(files)-1 { // all but company.yaml
			t.Fatalf("%d endpoints have %d schemas of rows", len(files)-1, results)
		}
	})
}

// What the encoder writes of each SQL type is what the schema of that type describes.
func TestColumnsAreWhatIsWritten(t *testing.T) {
	values := map[source.Type][]source.Value{
		source.TypeVarchar:     {{Kind: source.KindText, Bytes: []byte("São")}},
		source.TypeDecimal:     {{Kind: source.KindDecimal, Bytes: []byte("150000.00")}, {Kind: source.KindDecimal, Bytes: []byte("-0.1")}},
		source.TypeSmallInt:    {{Kind: source.KindInt, Int: math.MinInt16}},
		source.TypeInteger:     {{Kind: source.KindInt, Int: math.MaxInt32}},
		source.TypeBigInt:      {{Kind: source.KindInt, Int: math.MinInt64}},
		source.TypeReal:        {{Kind: source.KindFloat32, Float: 0.5}},
		source.TypeDouble:      {{Kind: source.KindFloat64, Float: 1e300}},
		source.TypeBoolean:     {{Kind: source.KindBool, Int: 1}},
		source.TypeDate:        {{Kind: source.KindDate, Int: 20000}},
		source.TypeTime:        {{Kind: source.KindTime, Int: 1}},
		source.TypeTimestamp:   {{Kind: source.KindTimestamp, Int: 1_700_000_000_000_001}},
		source.TypeTimestampTZ: {{Kind: source.KindTimestampTZ, Int: 1_700_000_000_000_001}},
		source.TypeUUID:        {{Kind: source.KindUUID, Bytes: make([]byte, 16)}},
		source.TypeJSON:        {{Kind: source.KindJSON, Bytes: []byte(`{"a":[1,null]}`)}, {Kind: source.KindJSON, Bytes: []byte(`"x"`)}},
		source.TypeVarBinary:   {{Kind: source.KindBinary, Bytes: []byte{0, 255}}, {Kind: source.KindBinary}},
		source.TypeInterval:    {{Kind: source.KindText, Bytes: []byte("1 day")}},

		source.ArrayOf(source.TypeInteger): {{Kind: source.KindJSON, Bytes: []byte(`[1,null]`)}, {Kind: source.KindJSON, Bytes: []byte(`[]`)}},
	}
	var columns []source.Column
	var notes []string
	for _, sql := range append(source.Types(), source.ArrayOf(source.TypeInteger)) {
		if len(values[sql]) == 0 {
			t.Errorf("no value of type %s is tried", sql)
		}
		name := strings.Trim(strings.NewReplacer("<", "_", ">", "").Replace(string(sql)), "_")
		columns = append(columns, source.Column{Name: name, Type: sql}, source.Column{Name: name + "_set", Type: sql})
		notes = append(notes, fmt.Sprintf("  %s_set: { nullable: false }\n", name))
	}
	file := "/*---\nsource: main\ncolumns:\n" + strings.Join(notes, "") + "---*/\nSELECT 1 AS n\n"
	dir, files := t.TempDir(), map[string]string{"acme/default/types.sql": file}
	document := documentOf(t, dir, files, columns)
	if again := documentOf(t, dir, files, columns); !bytes.Equal(document, again) {
		t.Error("the same endpoints give another document")
	}
	loaded, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("urn:document", parsed); err != nil {
		t.Fatal(err)
	}
	for i, column := range columns {
		schema, err := compiler.Compile("urn:document#/components/schemas/DefaultTypesRow/properties/" + column.Name)
		if err != nil {
			t.Fatal(err)
		}
		nullable := i%2 == 0
		for _, value := range append([]source.Value{{Kind: source.KindNull}}, values[column.Type]...) {
			text := result.AppendJSON(nil, value)
			instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			wanted := value.Kind != source.KindNull || nullable || column.Type == source.TypeJSON
			if err := schema.Validate(instance); (err == nil) != wanted {
				t.Errorf("%s, as %s: %v", text, column.Name, err)
			}
		}
	}
}

// reports are endpoints as authors write them, with the columns of each.
func reports(count int) (files map[string]string, columns described) {
	files = make(map[string]string, count)
	for i := range count {
		files[fmt.Sprintf("acme/area-%03d/report-%05d.sql", i/100, i)] = fmt.Sprintf(`/*---
title: Orders by account, report %d
description: |
  What the accounts have ordered in a span of days, by region, without what was cancelled.
source: main
params:
  from: { type: date, required: true, description: "The first day." }
  to: { type: date, description: "The last day; today when it is left out." }
  region: { type: string, enum: [north, south, east], default: north }
  least: { type: decimal, minimum: 0, description: "Only orders of this amount or more." }
limits: { timeout: 20s, max_rows: 5000 }
columns:
  total: { type: decimal, scale: 2, description: "In the currency of the account." }
---*/
SELECT @from AS id, @to AS name, @region AS region, @least AS total
`, i)
	}
	return files, described{
		{Name: "id", Type: source.TypeInteger}, {Name: "name", Type: source.TypeVarchar}, {Name: "region", Type: source.TypeVarchar},
		{Name: "orders", Type: source.TypeBigInt}, {Name: "total", Type: source.TypeDecimal}, {Name: "latest", Type: source.TypeDate},
		{Name: "report", Type: source.TypeInteger},
	}
}

func BenchmarkDocument(b *testing.B) {
	for _, count := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			files, columns := reports(count)
			caller, offers := offersOf(b, b.TempDir(), files, columns)
			b.ReportAllocs()
			for b.Loop() {
				document, err := openapi.Document(caller, offers, options)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(document)), "bytes")
			}
		})
	}
}
