package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// described is a caller's OpenAPI document, and a validator of its schemas.
type described struct {
	t testing.TB
	*openapi3.T
	compiler *jsonschema.Compiler
}

const documentURL = "https://example.com/openapi.json"

func describe(t testing.TB, body []byte) described {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(body)
	if err != nil {
		t.Fatal(err)
	}
	err = document.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.IsOpenAPI31OrLater())
	if err != nil {
		t.Fatalf("the document is no OpenAPI 3.1: %v", err)
	}
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(documentURL, parsed); err != nil {
		t.Fatal(err)
	}
	return described{t, document, compiler}
}

// check holds JSON against a schema of the document.
func (d described) check(schema *openapi3.SchemaRef, body []byte) {
	d.t.Helper()
	compiled, err := d.compiler.Compile(documentURL + schema.Ref)
	if err != nil {
		d.t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		d.t.Fatalf("%v in %s", err, body)
	}
	if err := compiled.Validate(instance); err != nil {
		d.t.Errorf("%s does not describe %s: %v", schema.Ref, body, err)
	}
}

func media(response *openapi3.ResponseRef) *openapi3.MediaType {
	return response.Value.Content["application/json"]
}

// Each caller's document holds what it can run and nothing else; its examples run, and what they answer is what it says.
func TestOpenAPIDocumentIsTrueForItsCaller(t *testing.T) {
	t.Parallel()
	s := demoServer(t)
	etags := make(map[string]string)
	for _, user := range []string{"acme/integration", "acme/housing-reader", "globex/analytics", "globex/austin-office"} {
		company, name, _ := strings.Cut(user, "/")
		token := s.Login(company, name).Access
		answer := s.Get("/api/v1/data-api/openapi.json", token).Want(http.StatusOK)
		document := describe(t, answer.Body)
		var executable, listed []string
		for _, path := range document.Paths.Keys() {
			if strings.HasSuffix(path, "/execute") {
				executable = append(executable, path)
			}
		}
		for _, endpoint := range s.listEndpoints(token, 100) {
			listed = append(listed, endpoint.Links.Execute)
		}
		slices.Sort(executable)
		if !slices.Equal(executable, listed) {
			t.Errorf("%s: the document has %q, the list %q", user, executable, listed)
		}
		if other, twice := etags[answer.Header.Get("ETag")]; twice {
			t.Errorf("%s and %s have the same document", user, other)
		}
		etags[answer.Header.Get("ETag")] = user
		for _, path := range executable {
			document.run(s, token, path)
		}
		for _, fixed := range []string{"/api/v1/auth/permissions", "/api/v1/data-api"} {
			document.check(media(document.Paths.Value(fixed).Get.Responses.Value("200")).Schema, s.Get(fixed, token).Want(http.StatusOK).Body)
		}
		if again := s.getIfNoneMatch(token, answer.Header.Get("ETag")); again != http.StatusNotModified {
			t.Errorf("%s: the document is sent again: %d", user, again)
		}
		document.holdsEveryError(t)
		document.operationsAreThere(s, token)
	}
	s.Get("/api/v1/data-api/openapi.json", "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

func (s *server) getIfNoneMatch(token, etag string) int {
	s.T.Helper()
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, s.URL("/api/v1/data-api/openapi.json"), http.NoBody)
	if err != nil {
		s.T.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("If-None-Match", etag)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.T.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// run sends the example of an operation, follows it when it is a job, and holds every answer against its schema.
func (d described) run(s *server, token, path string) {
	d.t.Helper()
	operation := d.Paths.Value(path).Post
	request := operation.RequestBody.Value.Content["application/json"]
	if request.Example == nil {
		d.t.Fatalf("%s has no example", path)
	}
	body, err := json.Marshal(request.Example)
	if err != nil {
		d.t.Fatal(err)
	}
	d.check(request.Schema, body)
	switch answer := s.Post(path, token, string(body)); answer.Status {
	case http.StatusOK:
		d.headers(operation, answer)
		d.headers(operation, s.Post(path+".csv", token, string(body)))
		d.check(media(operation.Responses.Value("200")).Schema, answer.Body)
		if d.jobsOf(path) != "" { // Prefer makes it a job
			d.follow(s, token, path, s.Send(http.MethodPost, path, token, string(body), "Prefer", "respond-async").Want(http.StatusAccepted))
		}
	case http.StatusAccepted:
		d.headers(operation, answer)
		d.check(media(operation.Responses.Value("202")).Schema, answer.Body)
		d.follow(s, token, path, answer)
	default:
		d.t.Errorf("the example of %s, %s, is answered %d: %s", path, body, answer.Status, answer.Body)
	}
	refused := s.Post(path, token, `{"parameter_values":{"no_such_parameter":1}}`).Want(http.StatusUnprocessableEntity)
	d.headers(operation, refused)
	d.headers(operation, s.Post(path, "", "{}"))
	problem := operation.Responses.Value("4XX").Value.Content["application/problem+json"].Schema
	d.check(problem, refused.Body)
}

// follow holds a job against its schemas, while it runs and when it has ended.
func (d described) follow(s *server, token, path string, accepted answer) {
	d.t.Helper()
	jobs, location := d.jobsOf(path), accepted.Header.Get("Location")
	list, job := d.Paths.Value(jobs), d.Paths.Value(jobs+"/{job_id}")
	d.check(media(job.Get.Responses.Value("200")).Schema, s.Get(location, token).Want(http.StatusOK).Body)
	s.Await(location, token)
	d.check(media(job.Get.Responses.Value("200")).Schema, s.Get(location, token).Want(http.StatusOK).Body)
	d.check(media(list.Get.Responses.Value("200")).Schema, s.Get(strings.TrimSuffix(path, "/execute")+"/jobs", token).Want(http.StatusOK).Body)
	get := d.Paths.Value(jobs + "/{job_id}/result").Get
	for _, headers := range [][]string{nil, {"Accept", "text/csv"}, {"Range", "bytes=0-1"}, {"Range", "bytes=99999999-"}} {
		d.headers(get, s.Send(http.MethodGet, location+"/result", token, "", headers...))
	}
	result := media(get.Responses.Value("200")).Schema
	d.check(result, s.Get(location+"/result", token).Want(http.StatusOK).Body)
	d.check(result, s.Get(location+"/result?limit=1", token).Want(http.StatusOK).Body)
}

// sharedJobs is where the document describes the jobs of the endpoints whose calls answer with results.
const sharedJobs = "/api/v1/data-api/{namespace}/{slug}/jobs"

// jobsOf is where the document describes the jobs of an endpoint; empty: nowhere.
func (d described) jobsOf(execute string) string {
	own := strings.TrimSuffix(execute, "/execute") + "/jobs"
	switch {
	case d.Paths.Value(own) != nil:
		return own
	case d.Paths.Value(execute).Post.Responses.Value("202") == nil && d.Paths.Value(sharedJobs) != nil:
		return sharedJobs
	}
	return ""
}

// headers checks that an operation describes every field of an answer's header, but those of every answer of HTTP.
func (d described) headers(operation *openapi3.Operation, answer answer) {
	d.t.Helper()
	response := operation.Responses.Status(answer.Status)
	if response == nil {
		response = operation.Responses.Value(strconv.Itoa(answer.Status/100) + "XX")
	}
	if response == nil {
		response = operation.Responses.Default()
	}
	if response == nil {
		d.t.Errorf("%s: an answer %d is not described", operation.OperationID, answer.Status)
		return
	}
	for name := range answer.Header {
		described := slices.Contains([]string{"Content-Type", "Content-Length", "Date", "Trailer", "Connection", "X-Content-Type-Options"}, name)
		for known := range response.Value.Headers {
			described = described || strings.EqualFold(known, name)
		}
		if !described {
			d.t.Errorf("%s: the field %s of a %d is not described", operation.OperationID, name, answer.Status)
		}
	}
}

// operationsAreThere sends a request to each operation: none is unknown, or forbidden to the caller that it is shown to, and the jobs of an
// endpoint are shown exactly to those who may read them.
func (d described) operationsAreThere(s *server, token string) {
	d.t.Helper()
	var plain string // the address of an endpoint whose calls answer with results
	for path, item := range d.Paths.Map() {
		if address, executable := strings.CutSuffix(path, "/execute"); executable && item.Post.Responses.Value("202") == nil {
			plain = strings.TrimPrefix(address, "/api/v1/data-api/")
		}
	}
	for path, item := range d.Paths.Map() {
		for method := range item.Operations() {
			body := ""
			if method == http.MethodPost {
				body = "{}"
			}
			answer := s.Send(method, strings.NewReplacer("{job_id}", "507f1f77bcf86cd799439011", "{namespace}/{slug}", plain).Replace(path), token, body)
			for _, code := range []string{`"NOT_FOUND"`, `"METHOD_NOT_ALLOWED"`, `"FORBIDDEN"`, `"ENDPOINT_NOT_FOUND"`, `"INTERNAL_ERROR"`} {
				if answer.Status >= http.StatusBadRequest && strings.Contains(string(answer.Body), `"code":`+code) {
					d.t.Errorf("%s %s is answered %d: %s", method, path, answer.Status, answer.Body)
				}
			}
		}
		jobs, executable := strings.CutSuffix(path, "/execute")
		if !executable {
			continue
		}
		shown := d.jobsOf(path) != ""
		if reads := s.Get(jobs+"/jobs", token).Status == http.StatusOK; reads != shown {
			d.t.Errorf("%s: the list of jobs is shown: %v, can be read: %v", jobs, shown, reads)
		}
	}
}

func (d described) holdsEveryError(t *testing.T) {
	t.Helper()
	shown := make(map[string]bool)
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, response := range operation.Responses.Map() {
				if problem := response.Value.Content["application/problem+json"]; problem != nil {
					for code := range problem.Examples {
						shown[code] = true
					}
				}
			}
		}
	}
	for _, definition := range dataapi.Catalogue() {
		if !shown[string(definition.Code)] {
			t.Errorf("%s has no example", definition.Code)
		}
	}
}

// Bounds that a float cannot hold, dates that are bounded, names that fall together: the document keeps them apart and exact.
func TestOpenAPIDocumentIsExact(t *testing.T) {
	t.Parallel()
	endpoint := func(params, sql string) string {
		return "/*---\nsource: main\n" + params + "---*/\n" + sql + "\n"
	}
	s := newServer(t, servertest.Config{
		Database: engines[0].Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/a-b/c.sql": endpoint("params:\n  n: { type: integer, maximum: 9007199254740993, description: 'A **bold** bound.' }\n"+
				"  d: { type: array<date>, minimum: 2026-01-01, maximum: 2026-12-31 }\n  p: { type: string, required: true, pattern: '^x[0-9]{7}$' }\n",
				"SELECT @n AS n WHERE @d IS NULL OR @p IS NULL"),
			"acme/a/b-c.sql":    endpoint("deprecated: 2026-12-01\nsunset: 2027-03-01\ncolumns: { n: { type: bigint, nullable: false, description: How many. } }\n", "SELECT 1 AS n"),
			"acme/a/hidden.sql": endpoint("active: false\n", "SELECT 1 AS n"),
		},
	})
	body := s.Get("/api/v1/data-api/openapi.json", s.Login("acme", "integration").Access).Want(http.StatusOK).Body
	document := describe(t, body)
	for _, part := range []string{
		`"maximum":9007199254740993`, `"A **bold** bound."`, `From 2026-01-01 to 2026-12-31.`, `"x-formatMinimum":"2026-01-01"`,
		`"operationId":"executeABC"`, `"operationId":"executeAB_C"`, `"AB_CResult"`, `Deprecated from 2026-12-01.`, `Expected to go on 2027-03-01.`,
		`{"description":"How many.","format":"int64","type":"integer"}`,
	} {
		if !strings.Contains(string(body), part) {
			t.Errorf("the document lacks %s", part)
		}
	}
	if strings.Contains(string(body), "hidden") || regexp.MustCompile(`\bSELECT\b`).Match(body) {
		t.Errorf("the document shows what it must not: %s", body)
	}
	if old := document.Paths.Value("/api/v1/data-api/a/b-c/execute").Post; !old.Deprecated || old.Responses.Value("200").Value.Headers["Sunset"] == nil {
		t.Error("nothing says that the endpoint is deprecated")
	}
	// What must match a pattern and has no example cannot be made up.
	if example := document.Paths.Value("/api/v1/data-api/a-b/c/execute").Post.RequestBody.Value.Content["application/json"].Example; example != nil {
		t.Errorf("an example that does not work: %v", example)
	}
	powerless := s.Get("/api/v1/data-api/openapi.json", s.Login("acme", "powerless").Access).Want(http.StatusOK).Body
	if strings.Contains(string(powerless), `/execute":`) {
		t.Errorf("a user without policies is shown %s", powerless)
	}
}

// The schema of parameters accepts exactly what a call accepts, as a validator sees it that knows nothing of contracts.
func TestParameterSchemasAcceptWhatCallsAccept(t *testing.T) {
	t.Parallel()
	s := newServer(t, servertest.Config{
		Database: engines[0].Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml": "users: { integration: { policies: [DataAPIConsumer], share_context: { region: Sul, area: [a, b] } } }\n",
			"acme/default/x.sql": "/*---\nsource: main\nparams:\n  i: { type: integer, maximum: 5 }\n  must: { type: integer, required: true }\n" +
				"  d: { type: decimal, minimum: 0.5 }\n  s: { type: string, max_length: 3 }\n  p: { type: string, pattern: '(?i)^a\\PN+\\z' }\n" +
				"  e: { type: string, enum: [x, y] }\n  at: { type: timestamp }\n  b: { type: boolean }\n  id: { type: uuid }\n" +
				"  list: { type: array<string>, max_items: 2 }\n  region: { type: string }\n  area: { type: string }\n---*/\n" +
				"SELECT @i AS c_i, @must AS c_must, @d AS c_d, @s AS c_s, @p AS c_p, @e AS c_e, @at AS c_at, @b AS c_b, @id AS c_id, @list AS c_list, @region AS c_region, @area AS c_area",
		},
	})
	token := s.Login("acme", "integration").Access
	document := describe(t, s.Get("/api/v1/data-api/openapi.json", token).Want(http.StatusOK).Body)
	const path = "/api/v1/data-api/default/x/execute"
	compiled, err := document.compiler.Compile(documentURL + document.Paths.Value(path).Post.RequestBody.Value.Content["application/json"].Schema.Ref)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		`null`, `1`, `1.0`, `-0`, `10e-1`, `5.5`, `5.0000`, `6`, `1e2`, `0.5`, `0.4`, `true`, `"x"`, `"X"`, `"a"`, `"Ab"`, `"a1"`, `"abc"`, `"abcd"`, `"\u0000"`, `"a\u0000b"`, `""`,
		`"2026-01-31T10:30:00Z"`, `"2026-01-31t10:30:00z"`, `"2026-01-31T10:30:00.123456789-03:00"`, `"2026-01-31"`, `"2026-02-31T00:00:00Z"`,
		`"0F8FAD5B-d9cb-469f-a165-70867728950e"`, `[]`, `["a"]`, `["a","b"]`, `["a","b","c"]`, `[null]`, `["\u0000"]`, `{}`, `"Sul"`, `"Norte"`,
	}
	accepted := 0
	for _, name := range []string{"i", "must", "d", "s", "p", "e", "at", "b", "id", "list", "region", "area", "unknown"} {
		for _, value := range values {
			given := map[string]json.RawMessage{"must": json.RawMessage("1"), "area": json.RawMessage(`"a"`)}
			given[name] = json.RawMessage(value)
			body, err := json.Marshal(map[string]any{"parameter_values": given})
			if err != nil {
				t.Fatal(err)
			}
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			objection := compiled.Validate(instance)
			got := s.Post(path, token, string(body))
			if called := got.Status == http.StatusOK; called != (objection == nil) {
				t.Errorf("%s: %s: a call is answered %d (%s), and the schema says %v", name, value, got.Status, got.Body, objection)
			}
			if objection == nil {
				accepted++
			}
		}
	}
	if accepted < 40 {
		t.Errorf("only %d values were accepted", accepted)
	}
}

// A document describes no more endpoints than a server has memory for: a caller who may run more asks for one namespace after the other.
func TestOpenAPIDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	const sql = "/*---\nsource: main\n---*/\nSELECT 1 AS n\n"
	files := map[string]string{"acme/few/one.sql": sql}
	for i := range 1000 {
		files[fmt.Sprintf("acme/many/n%d.sql", i)] = sql
	}
	s := newServer(t, servertest.Config{Database: engines[0].Source(t, t.TempDir(), sales), Files: files})
	const path = "/api/v1/data-api/openapi.json"
	token := s.Login("acme", "integration").Access
	s.Get(path, token).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	for namespace, want := range map[string]int{"few": 1, "many": 1000, "none": 0} {
		described := 0
		document := decode[struct{ Paths map[string]json.RawMessage }](s.Get(path+"?namespace="+namespace, token).Want(http.StatusOK))
		for at := range document.Paths {
			if strings.HasPrefix(at, "/api/v1/data-api/") && strings.HasSuffix(at, "/execute") {
				described++
			}
		}
		if described != want {
			t.Errorf("the document of %s describes %d endpoints, want %d", namespace, described, want)
		}
	}
}
