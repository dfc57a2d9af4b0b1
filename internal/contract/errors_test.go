package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Every row of the guide's error table, and what the guide leaves open.
func TestErrors(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := contractServer(t, e)
		token := s.Login("acme", "integration").Access
		const sold = "/api/v1/data-api/default/vendas-por-regiao/execute"

		t.Run("401", func(t *testing.T) {
			s := s.On(t)
			missing := s.Post(sold, "", `{}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
			if challenge := missing.Header.Get("WWW-Authenticate"); challenge != "Bearer" {
				t.Errorf("challenge %q", challenge)
			}
			for name, bad := range map[string]string{
				"malformed": "x.y.z",
				"truncated": token[:len(token)-2],
				"changed":   flip(token),
				"refresh":   s.Login("acme", "integration").Refresh,
			} {
				got := s.Post(sold, bad, `{}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
				if got.Text() != missing.Text() {
					t.Errorf("%s: the body differs: %s", name, got.Body)
				}
				if challenge := got.Header.Get("WWW-Authenticate"); challenge != `Bearer error="invalid_token"` {
					t.Errorf("%s: challenge %q", name, challenge)
				}
			}
			key := s.CreateKey("acme", "integration")
			unknown := s.CreateKey("globex", "reader")
			first := ""
			for name, body := range map[string]string{
				"unknown company":  fmt.Sprintf(`{"company_slug":"nobody","api_key":%q,"api_secret":%q}`, key.Key, key.Secret),
				"other company":    fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, unknown.Key, unknown.Secret),
				"wrong secret":     fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, unknown.Secret),
				"malformed secret": fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":"x"}`, key.Key),
			} {
				got := s.Post("/api/v1/auth/api-key", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
				if first == "" {
					first = got.Text()
				}
				if got.Text() != first {
					t.Errorf("%s: the body differs: %s", name, got.Body)
				}
			}
		})
		t.Run("400 of the token routes", func(t *testing.T) {
			s := s.On(t)
			key := s.CreateKey("acme", "integration")
			whole := map[string]string{"company_slug": "acme", "api_key": key.Key, "api_secret": key.Secret}
			for field := range whole {
				for _, empty := range []bool{false, true} {
					part := maps.Clone(whole)
					delete(part, field)
					if empty {
						part[field] = ""
					}
					body, err := json.Marshal(part)
					if err != nil {
						t.Fatal(err)
					}
					got := s.Post("/api/v1/auth/api-key", "", string(body)).Problem(http.StatusBadRequest, "INVALID_REQUEST")
					if !strings.Contains(string(got.Body), field) {
						t.Errorf("without %s: %s", field, got.Body)
					}
				}
			}
			for _, path := range []string{"/api/v1/auth/refresh", "/api/v1/auth/logout"} {
				s.Post(path, "", `{}`).Problem(http.StatusBadRequest, "INVALID_REQUEST")
			}
		})
		t.Run("403", func(t *testing.T) {
			s := s.On(t)
			powerless := s.Login("acme", "powerless").Access
			s.Post(sold, powerless, `{}`).Problem(http.StatusForbidden, "FORBIDDEN")
			s.Get("/api/v1/data-api/default/relatorio-mensal/jobs/"+strings.Repeat("0", 24), powerless).
				Problem(http.StatusForbidden, "FORBIDDEN")
			s.Execute("unknown", powerless, `{}`).Problem(http.StatusForbidden, "FORBIDDEN")
		})
		t.Run("404", func(t *testing.T) {
			s := s.On(t)
			unknown := s.Execute("unknown", token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
			for _, slug := range []string{"inactive", "own", "..%2fx", "UPPER"} {
				if got := s.Execute(slug, token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND"); got.Text() != unknown.Text() {
					t.Errorf("%s is told apart from an unknown endpoint: %s", slug, got.Body)
				}
			}
			s.Get("/api/v1/data-api/default", token).Problem(http.StatusNotFound, "NOT_FOUND")
		})
		t.Run("405", func(t *testing.T) {
			s := s.On(t)
			got := s.Send(http.MethodDelete, sold, token, "").Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
			if got.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("Allow is %q", got.Header.Get("Allow"))
			}
			s.Get("/api/v1/auth/api-key", "").Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
		})
		t.Run("406", func(t *testing.T) {
			s := s.On(t)
			request, _ := http.NewRequest(http.MethodPost, s.URL(sold), strings.NewReader(`{}`))
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Accept", "image/png")
			got, err := s.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			got.Problem(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
		})
		t.Run("408", func(t *testing.T) {
			s := s.On(t)
			begun := time.Now()
			s.Execute("slow", token, `{}`).Problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")
			if took := time.Since(begun); took < 900*time.Millisecond || took > 30*time.Second {
				t.Errorf("a limit of 1 s took %s", took)
			}
		})
		t.Run("400, 413 and 415", func(t *testing.T) {
			s := s.On(t)
			for name, body := range map[string]string{
				"no JSON":         `parameter_values`,
				"an array":        `[]`,
				"a string":        `"x"`,
				"half":            `{"parameter_values":{`,
				"two":             `{} {}`,
				"unknown field":   `{"parameters":{}}`,
				"field twice":     `{"parameter_values":{},"parameter_values":{}}`,
				"wrong type":      `{"parameter_values":[]}`,
				"callback":        `{"parameter_values":{"data_inicio":"2026-01-01"},"callback_url":"https://example.com/x"}`,
				"invalid UTF-8":   "{\"parameter_values\":{\"regiao\":\"\xff\"}}",
				"parameter twice": `{"parameter_values":{"regiao":"Sul","regiao":"Norte"}}`,
			} {
				if got := s.Post(sold, token, body); got.Status != http.StatusBadRequest {
					t.Errorf("%s: got %d %s", name, got.Status, got.Body)
				} else {
					got.Problem(http.StatusBadRequest, "INVALID_REQUEST")
				}
			}
			s.Post(sold, token, `{"parameter_values":{"regiao":"`+strings.Repeat("x", 300<<10)+`"}}`).
				Problem(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE")
			for name, header := range map[string][2]string{
				"form":       {"Content-Type", "application/x-www-form-urlencoded"},
				"none":       {"Content-Type", ""},
				"charset":    {"Content-Type", "application/json; charset=iso-8859-1"},
				"compressed": {"Content-Encoding", "gzip"},
			} {
				request, _ := http.NewRequest(http.MethodPost, s.URL(sold), strings.NewReader(`{"parameter_values":{}}`))
				request.Header.Set("Authorization", "Bearer "+token)
				request.Header.Set("Content-Type", "application/json")
				request.Header.Set(header[0], header[1])
				got, err := s.Do(request)
				if err != nil {
					t.Fatal(name, err)
				}
				got.Problem(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
			}
		})
		t.Run("422", func(t *testing.T) {
			s := s.On(t)
			for name, test := range map[string]struct {
				slug, parameters string
				faults           []string // "parameter CODE"
			}{
				"missing":      {"vendas-por-regiao", `{}`, []string{"data_inicio INVALID_PARAMETER"}},
				"null":         {"vendas-por-regiao", `{"data_inicio":null}`, []string{"data_inicio INVALID_PARAMETER"}},
				"no such date": {"vendas-por-regiao", `{"data_inicio":"2026-02-30"}`, []string{"data_inicio INVALID_PARAMETER"}},
				"enum":         {"vendas-por-regiao", `{"data_inicio":"2026-01-01","regiao":"Oeste"}`, []string{"regiao INVALID_PARAMETER"}},
				"NUL":          {"vendas-por-regiao", `{"data_inicio":"2026-01-01","regiao":"Sul\u0000"}`, []string{"regiao INVALID_PARAMETER"}},
				"unknown":      {"vendas-por-regiao", `{"data_inicio":"2026-01-01","cidade":"x"}`, []string{"cidade INVALID_PARAMETER"}},
				"pattern":      {"relatorio-mensal", `{"mes":"março"}`, []string{"mes INVALID_PARAMETER"}},
				"all faults at once": {"types", `{"i":"1","d":"1.5","b":"true","at":"2026-01-01","id":"x","names":["a","b","c","d"],"short":"long"}`,
					[]string{"i INVALID_PARAMETER", "d INVALID_PARAMETER", "b INVALID_PARAMETER", "at INVALID_PARAMETER",
						"id INVALID_PARAMETER", "names INVALID_PARAMETER", "short INVALID_PARAMETER"}},
				"too small": {"types", `{"i":0}`, []string{"i INVALID_PARAMETER"}},
				"too large": {"types", `{"i":11}`, []string{"i INVALID_PARAMETER"}},
				"fraction":  {"types", `{"i":1.5}`, []string{"i INVALID_PARAMETER"}},
				"64 bits":   {"types", `{"i":9223372036854775808}`, []string{"i INVALID_PARAMETER"}},
			} {
				t.Run(name, func(t *testing.T) {
					s := s.On(t)
					got := s.Execute(test.slug, token, test.parameters).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
					expectFaults(t, got, test.faults)
				})
			}
			s.Execute("types", token, `{"i":1,"d":1.50,"b":true,"at":"2026-01-01T00:00:00-03:00",
				"id":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","names":["a","ü"],"short":"abc"}`).Want(http.StatusOK)
			bad := s.Post("/api/v1/data-api/default/relatorio-mensal/execute", token,
				`{"parameter_values":{"mes":"janeiro"},"callback_url":"http://169.254.169.254/latest"}`).
				Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
			expectFaults(t, bad, []string{"mes INVALID_PARAMETER", "callback_url INVALID_PARAMETER"})
		})
		t.Run("share context", func(t *testing.T) {
			s := s.On(t)
			other := s.Login("globex", "reader").Access
			s.Execute("vendas-por-regiao", other, `{"data_inicio":"2026-01-01","regiao":"Norte"}`).Want(http.StatusOK)
			outside := s.Execute("vendas-por-regiao", other, `{"data_inicio":"2026-01-01","regiao":"Sul"}`).
				Problem(http.StatusUnprocessableEntity, "PARAMETER_NOT_ALLOWED")
			expectFaults(t, outside, []string{"regiao PARAMETER_NOT_ALLOWED"})
			// One allowed value: it is filled in.
			var pinned struct {
				Rows []struct{ Regiao string } `json:"rows"`
			}
			s.Execute("vendas-por-regiao", other, `{"data_inicio":"2026-01-01"}`).Want(http.StatusOK).Decode(&pinned)
			if len(pinned.Rows) != 1 || pinned.Rows[0].Regiao != "Norte" {
				t.Errorf("a pinned parameter gave %+v", pinned.Rows)
			}
		})
		t.Run("value that the database refuses", func(t *testing.T) {
			s := s.On(t)
			s.Execute("picky", token, `{"document":"[1]"}`).Want(http.StatusOK)
			got := s.Execute("picky", token, `{"document":"["}`).Problem(http.StatusUnprocessableEntity, "VALUE_REFUSED")
			if !bytes.Contains(got.Body, []byte("the value of document,")) || bytes.Contains(bytes.ToLower(got.Body), []byte("json,")) ||
				bytes.Contains(got.Body, []byte("input syntax")) || bytes.Contains(got.Body, []byte("malformed JSON")) {
				t.Errorf("the caller reads %s", got.Body)
			}
			both := s.Execute("picky", token, `{"document":"[","other":"x"}`).Problem(http.StatusUnprocessableEntity, "VALUE_REFUSED")
			if !bytes.Contains(both.Body, []byte("one of the values of document and other,")) {
				t.Errorf("the caller reads %s", both.Body)
			}
		})
		t.Run("500", func(t *testing.T) {
			s := s.On(t)
			got := s.Execute("broken", token, `{"n":1}`).Problem(http.StatusInternalServerError, "INTERNAL_ERROR")
			if bytes.Contains(got.Body, []byte("secret")) || bytes.Contains(got.Body, []byte("subquery")) {
				t.Errorf("the cause is shown to the caller: %s", got.Body)
			}
			deadline := time.Now().Add(patience)
			for !strings.Contains(s.Log.String(), got.Header.Get("X-Request-Id")) {
				if time.Now().After(deadline) {
					t.Fatal("the log does not know the request id")
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	})
}

func expectFaults(t *testing.T, got answer, want []string) {
	t.Helper()
	var problem struct {
		Errors []struct{ Parameter, Code, Detail string } `json:"errors"`
	}
	got.Decode(&problem)
	found := make(map[string]bool)
	for _, fault := range problem.Errors {
		found[fault.Parameter+" "+fault.Code] = true
		if fault.Detail == "" {
			t.Errorf("%s has no detail", fault.Parameter)
		}
	}
	for _, fault := range want {
		if !found[fault] {
			t.Errorf("the fault %q is missing: %s", fault, got.Body)
		}
	}
	if len(problem.Errors) != len(want) {
		t.Errorf("want %d faults: %s", len(want), got.Body)
	}
}

// flip changes the first character of a token's signature.
func flip(token string) string {
	i := strings.LastIndexByte(token, '.') + 1
	changed := byte('A')
	if token[i] == changed {
		changed = 'B'
	}
	return token[:i] + string(changed) + token[i+1:]
}
