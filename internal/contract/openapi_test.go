package contract

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
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
	answer := s.Post(path, token, string(body))
	jobs := strings.TrimSuffix(path, "/execute") + "/jobs"
	switch item := d.Paths.Value(jobs); {
	case answer.Status == http.StatusOK:
		d.check(media(operation.Responses.Value("200")).Schema, answer.Body)
		if item != nil {
			d.check(media(item.Get.Responses.Value("200")).Schema, s.Get(jobs, token).Want(http.StatusOK).Body)
		}
	case answer.Status == http.StatusAccepted:
		d.check(media(operation.Responses.Value("202")).Schema, answer.Body)
		location := answer.Header.Get("Location")
		job := d.Paths.Value(jobs + "/{job_id}")
		d.check(media(job.Get.Responses.Value("200")).Schema, s.Get(location, token).Want(http.StatusOK).Body)
		s.Await(location, token)
		d.check(media(job.Get.Responses.Value("200")).Schema, s.Get(location, token).Want(http.StatusOK).Body)
		d.check(media(item.Get.Responses.Value("200")).Schema, s.Get(jobs, token).Want(http.StatusOK).Body)
		result := media(d.Paths.Value(jobs + "/{job_id}/result").Get.Responses.Value("200")).Schema
		d.check(result, s.Get(location+"/result", token).Want(http.StatusOK).Body)
		d.check(result, s.Get(location+"/result?limit=1", token).Want(http.StatusOK).Body)
	default:
		d.t.Errorf("the example of %s, %s, is answered %d: %s", path, body, answer.Status, answer.Body)
	}
	refused := s.Post(path, token, `{"parameter_values":{"no_such_parameter":1}}`).Want(http.StatusUnprocessableEntity)
	problem := operation.Responses.Value("422").Value.Content["application/problem+json"].Schema
	d.check(problem, refused.Body)
}

// operationsAreThere sends a request to each operation: none is unknown, or forbidden to whom it is shown, and the jobs of an
// endpoint are shown exactly to those who may read them.
func (d described) operationsAreThere(s *server, token string) {
	d.t.Helper()
	for path, item := range d.Paths.Map() {
		for method := range item.Operations() {
			body := ""
			if method == http.MethodPost {
				body = "{}"
			}
			answer := s.Send(method, strings.Replace(path, "{job_id}", "507f1f77bcf86cd799439011", 1), token, body)
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
		shown := d.Paths.Value(jobs+"/jobs") != nil
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
