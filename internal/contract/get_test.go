package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

const echoPath = "/api/v1/data-api/default/echo/execute"

func urlServer(t testing.TB) (s *server, token string) {
	t.Helper()
	s = newServer(t, servertest.Config{
		Database: engines[0].Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/default/echo.sql": `/*---
source: main
params:
  s: { type: string, max_length: 30 }
  i: { type: integer, minimum: -100, maximum: 9007199254740993 }
  d: { type: decimal }
  b: { type: boolean, default: true }
  day: { type: date }
  id: { type: uuid }
  names: { type: array<string>, max_items: 3 }
  ns: { type: array<integer> }
  revision: { type: string }
---*/
SELECT @s AS s, @i AS i, CAST(@d AS TEXT) AS d, @b AS b, @day AS day, @id AS id, @revision AS revision, n.value AS name, m.value AS number
FROM (SELECT 1) LEFT JOIN json_each(@names) AS n LEFT JOIN json_each(@ns) AS m
`,
			"acme/default/secret.sql": "/*---\nsource: main\nparams: { pin: { type: string, sensitive: true }, n: { type: integer } }\n---*/\nSELECT @n AS n WHERE @pin IS NULL",
			"acme/default/kept.sql":   "/*---\nsource: main\nlimits: { cache: 1h }\n---*/\nSELECT COUNT(*) AS n FROM vendas",
			"acme/default/later.sql":  "/*---\nsource: main\nmode: async\n---*/\nSELECT COUNT(*) AS n FROM vendas",
		},
	})
	return s, s.Login("acme", "integration").Access
}

var (
	executedAt = regexp.MustCompile(`"executed_at":"[^"]*"|data_api\.executed_at(?s:..)[0-9T:-]{19}Z`) // of JSON, or of Parquet
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// asJSON is how a text of a URL is meant, said independently of the code under test.
func asJSON(name, text string) json.RawMessage {
	switch {
	case (name == "i" || name == "ns" || name == "d") && jsonNumber.MatchString(text), name == "b" && (text == "true" || text == "false"):
		return json.RawMessage(text)
	}
	quoted, _ := jsontext.AppendQuote(nil, text)
	return json.RawMessage(quoted)
}

// telling are the fields of a header that say something of the result.
func telling(header http.Header) http.Header {
	header = header.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		header.Del(name)
	}
	return header
}

// Whatever is asked for by URL is answered as the POST that means the same: values, faults, and every format, byte for byte.
func TestGetEqualsPost(t *testing.T) {
	t.Parallel()
	s, token := urlServer(t)
	texts := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", " ", "true", "false", "null", "0", "-0", "1", "-5", "12345678901234567890", "9007199254740993", "1.0", "1e2", "1.50", "-0.001", "+1", "01",
			" 1", "1 ", "0x1", "NaN", "2026-01-31", "2026-02-30", "0f8fad5b-d9cb-469f-a165-70867728950e", `"x"`, "[1]", "{}", "a&b=c", "a+b", "100%",
			"São Paulo", "x;y", "\x00", "=1+1", "#",
		}),
		rapid.StringN(0, 40, -1),
	)
	names := rapid.SampledFrom([]string{"s", "i", "d", "b", "day", "id", "names", "ns", "revision", "unknown", "S", "p.s"})
	rapid.Check(t, func(t *rapid.T) {
		given := make(map[string][]string)
		for range rapid.IntRange(0, 6).Draw(t, "parameters") {
			name := names.Draw(t, "name")
			most := 1
			if name == "names" || name == "ns" || rapid.IntRange(0, 20).Draw(t, "more") == 0 {
				most = 4
			}
			given[name] = rapid.SliceOfN(texts, 1, most).Draw(t, "texts")
		}
		query, values := make(url.Values), make(map[string]json.RawMessage)
		for _, name := range slices.Sorted(maps.Keys(given)) {
			texts := given[name]
			written := name
			if name == "revision" || name == "p.s" || rapid.Bool().Draw(t, "prefixed") {
				written = "p." + name
			}
			query[written] = texts
			values[name] = meant(name, texts)
		}
		format := rapid.SampledFrom([]string{"", ".json", ".csv", ".ndjson", ".arrow", ".parquet", ".xlsx"}).Draw(t, "format")
		equalsPost(t, s, token, format, query.Encode(), values)
	})
}

// equalsPost compares the answers to a query and to the values that it means.
func equalsPost(t rapid.TB, s *server, token, format, query string, values map[string]json.RawMessage) {
	t.Helper()
	body, err := jsonv2.Marshal(map[string]any{"parameter_values": values}, jsonv2.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	got := s.Get(echoPath+format+"?"+query, token)
	want := s.Send(http.MethodPost, echoPath+format, token, string(body))
	for _, answer := range []*answer{&got, &want} {
		answer.Body = executedAt.ReplaceAll(answer.Body, nil)
	}
	if got.Status != want.Status || got.Text() != want.Text() || !maps.EqualFunc(telling(got.Header), telling(want.Header), slices.Equal) {
		t.Fatalf("%s%s?%s\ngot  %d %v %s\nwant %d %v %s, as of %s", echoPath, format, query,
			got.Status, got.Header, got.Body, want.Status, want.Header, want.Body, body)
	}
}

// meant is the JSON that the texts of a parameter mean: one for each, or a list where the parameter is one.
func meant(name string, texts []string) json.RawMessage {
	items := make([]string, len(texts))
	for i, text := range texts {
		items[i] = string(asJSON(name, text))
	}
	if len(texts) == 1 && name != "names" && name != "ns" {
		return json.RawMessage(items[0])
	}
	return json.RawMessage("[" + strings.Join(items, ",") + "]")
}

// meaning returns the values that a query means, said independently of the code under test, and whether it means any: it can be read, says
// each parameter in one way, and nothing else.
func meaning(raw string) (values map[string]json.RawMessage, ok bool) {
	query, err := url.ParseQuery(raw)
	if err != nil || len(query) > 8 {
		return nil, false
	}
	values = make(map[string]json.RawMessage)
	for written, texts := range query {
		name := strings.TrimPrefix(written, "p.")
		if _, twice := values[name]; twice || written == name && slices.Contains(reservedNames, name) || !utf8.ValidString(written) ||
			slices.ContainsFunc(texts, func(text string) bool { return !utf8.ValidString(text) }) {
			return nil, false
		}
		values[name] = meant(name, texts)
	}
	return values, true
}

// reservedNames are those of the query that say something else than a parameter's value.
var reservedNames = []string{"rows_as", "numbers", "csv_formulas", "csv_for", "csv_locale", "revision"}

// Whatever is behind the question mark is answered as the POST that means the same, or refused in the contract's words.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "s=a", "s=a&s=b", "p.s=a&i=1", "i=1.0", "names=a&names=b&ns=1", "b=true", "d=1e2", "day=2026-02-30", "s=%00", "s=%ff", "s=a;b", "=", "&&", "p.=x",
		"revision=x", "p.revision=x", "rows_as=arrays&s=a", "numbers=strings", "numbers=x", "csv_for=excel", "s=%", "s=a%20b+c", "S=a", "%73=a", "p.p.s=a", "s[]=a",
	} {
		f.Add(seed)
	}
	s, token := urlServer(f)
	f.Fuzz(func(t *testing.T, raw string) {
		s := &server{s.On(t)}
		raw, _, _ = strings.Cut(raw, "#")
		if strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c >= 0x7f }) { // no client sends these as they are
			raw = (&url.URL{RawQuery: raw}).Query().Encode()
		}
		if values, ok := meaning(raw); ok {
			equalsPost(t, s, token, ".json", raw, values)
			return
		}
		got := s.Get(echoPath+"?"+raw, token)
		switch got.Status {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
			var problem struct{ Code, Detail string }
			if got.Decode(&problem); problem.Code == "" || problem.Detail == "" {
				t.Errorf("%q: %d %s", raw, got.Status, got.Body)
			}
		default:
			t.Errorf("%q: %d %s", raw, got.Status, got.Body)
		}
	})
}

// What a GET may not do, and what it has beside a POST.
func TestGet(t *testing.T) {
	t.Parallel()
	s, token := urlServer(t)
	const below = "/api/v1/data-api/default/"
	for request, wanted := range map[string]string{
		"GET " + echoPath + "?s=a&p.s=b":           "INVALID_REQUEST: The query has the parameter s both as s and as p.s.",
		"GET " + echoPath + "?s=%ff":               "INVALID_REQUEST: The query of the URL is not UTF-8 in percent-encoding.",
		"GET " + echoPath + "?s=a;b":               "INVALID_REQUEST: The query of the URL cannot be read.",
		"GET " + echoPath + "?rows_as=x":           `INVALID_REQUEST: rows_as must be objects or arrays.`,
		"GET " + echoPath + "?revision=1":          "REVISION_NOT_FOUND: ",
		"GET " + echoPath + "?parameter_values=1":  "INVALID_PARAMETER: ",
		"GET " + echoPath + ".xls":                 "NOT_FOUND: There is no format \"xls\" here.",
		"GET " + below + "secret/execute?pin=1234": "INVALID_PARAMETER: ",
		"GET " + below + "later/execute":           "METHOD_NOT_ALLOWED: This endpoint answers with jobs.",
		"GET " + below + "nowhere/execute":         "ENDPOINT_NOT_FOUND: ",
		"PUT " + echoPath:                          "METHOD_NOT_ALLOWED: ",
	} {
		method, path, _ := strings.Cut(request, " ")
		var problem struct{ Code, Detail string }
		got := s.Send(method, path, token, "")
		got.Decode(&problem)
		if told := problem.Code + ": " + problem.Detail; !strings.HasPrefix(told, wanted) {
			t.Errorf("%s: %d %s, want %s", request, got.Status, told, wanted)
		}
		if strings.Contains(string(got.Body), "1234") || strings.Contains(s.Log.String(), "1234") {
			t.Errorf("%s: the sensitive value is repeated: %s", request, got.Body)
		}
	}
	if allow := s.Send(http.MethodPut, echoPath, token, "").Header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow: %s", allow)
	}
	faults := s.Get(below+"secret/execute?pin=1234&n=x", token).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	if text := string(faults.Body); !strings.Contains(text, "is sensitive, and is not taken from a URL") || !strings.Contains(text, "must be an integer") {
		t.Errorf("not all faults are told at once: %s", text)
	}
	s.Send(http.MethodGet, echoPath, token, "{}").Problem(http.StatusBadRequest, "INVALID_REQUEST")

	first := s.Get(below+"kept/execute.csv", token).Want(http.StatusOK)
	if first.Header.Get("ETag") == "" || !strings.HasPrefix(first.Header.Get("Cache-Control"), "private, max-age=3600") {
		t.Errorf("a result that is kept: %v", first.Header)
	}
	s.Send(http.MethodGet, below+"kept/execute.csv", token, "", "If-None-Match", first.Header.Get("ETag")).Want(http.StatusNotModified)
	if posted := s.Send(http.MethodPost, below+"kept/execute.csv", token, "{}"); posted.Header.Get("ETag") != first.Header.Get("ETag") {
		t.Errorf("GET and POST do not share what is kept: %v", posted.Header)
	}
	head := s.Send(http.MethodHead, below+"kept/execute.csv", token, "").Want(http.StatusOK)
	if head.Header.Get("Content-Length") != fmt.Sprint(len(first.Body)) || head.Header.Get("ETag") != first.Header.Get("ETag") || len(head.Body) > 0 {
		t.Errorf("HEAD: %v %q", head.Header, head.Body)
	}
	if got := s.Get(echoPath+"?s=x", token).Want(http.StatusOK); got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a result that is not kept: %v", got.Header)
	}

	s.Send(http.MethodGet, below+"later/execute", token, "", "Prefer", "respond-async").Want(http.StatusAccepted)
	s.Send(http.MethodGet, below+"later/execute", token, "", "Prefer", "wait=30").Want(http.StatusOK)
	s.Send(http.MethodGet, echoPath+"?s=x", token, "", "Prefer", "respond-async").Want(http.StatusAccepted)
}
