package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// madeLink is the answer to POST .../links.
type madeLink struct {
	ID    string `json:"link_id"`
	URL   string `json:"url"`
	Name  string `json:"name"`
	State string `json:"state"`
	Uses  *int   `json:"uses"`
	Used  *int   `json:"used"`
}

const linkedRoute = "/api/v1/data-api/default/linked/"

func linkServer(t *testing.T) (s *server, key servertest.Credentials, token string) {
	t.Helper()
	const linked = "/*---\nsource: main\nparams:\n  regiao: { type: string }\n  dias: { type: array<integer> }\n  mes: { type: string, max_length: 7 }\n" +
		"  link: { type: string }\n  pin: { type: string, sensitive: true }\n---*/\n" +
		"SELECT @regiao AS regiao, @mes AS mes, @link AS link, d.value AS dia FROM (SELECT 1) LEFT JOIN json_each(@dias) AS d WHERE @pin IS NULL"
	s = newServer(t, servertest.Config{
		Database: engines[0].Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml": `name: Acme
users:
  ana: { policies: [Linker] }
  bob: { policies: [Linker] }
  boss: { policies: [CompanyAdministrator] }
  integration: { policies: [DataAPIConsumer] }
  slow: { policies: [Linker], rate: 5/1h }
policies:
  Linker: { grants: [{ actions: [data_api:execute, data_api:create_link, data_api:get_job] }] }
`,
			"acme/default/linked.sql":   linked,
			"acme/default/other.sql":    linked,
			"acme/elsewhere/linked.sql": linked,
			"acme/default/later.sql":    "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS n",
			"acme/default/kept.sql":     "/*---\nsource: main\nlimits: { cache: 1h }\n---*/\nSELECT 1 AS n",
			"acme/default/needs.sql":    "/*---\nsource: main\nparams: { n: { type: integer, required: true } }\n---*/\nSELECT @n AS n",
			"acme/default/patient.sql":  "/*---\nsource: main\non_timeout: continue\n---*/\nSELECT 1 AS n",
		},
	})
	key, token = s.CreateKeyAndLogin("acme", "ana")
	return s, key, token
}

// makeLink makes a link, and returns it with the path and the query of its URL.
func makeLink(s *server, token, route, body string) (made madeLink, at string) {
	s.T.Helper()
	s.Send(http.MethodPost, route+"links", token, body).Want(http.StatusCreated).Decode(&made)
	at, ok := strings.CutPrefix(made.URL, s.Base)
	if !ok {
		s.T.Fatalf("the URL %s is not one of %s", made.URL, s.Base)
	}
	return made, at
}

func TestLinkNeedsNoHeader(t *testing.T) {
	t.Parallel()
	s, _, token := linkServer(t)
	body := `{"format":"csv","options":{"csv_for":"excel","csv_locale":"pt-BR"},"name":"Planilha",` +
		`"parameter_values":{"regiao":"São Paulo & c","dias":[1,2],"link":"x","mes":null}}`
	answer := s.Send(http.MethodPost, linkedRoute+"links", token, body).Want(http.StatusCreated)
	var made madeLink
	answer.Decode(&made)
	if answer.Header.Get("Location") != linkedRoute+"links/"+made.ID || answer.Header.Get("Cache-Control") != "no-store" || made.State != "active" {
		t.Errorf("%v %s", answer.Header, answer.Body)
	}
	at := strings.TrimPrefix(made.URL, s.Base)
	got := s.Get(at, "").Want(http.StatusOK)
	byToken := s.Get(linkedRoute+"execute.csv?csv_for=excel&csv_locale=pt-BR&regiao=S%C3%A3o+Paulo+%26+c&dias=1&dias=2&p.link=x", token).Want(http.StatusOK)
	if string(got.Body) != string(byToken.Body) || !strings.Contains(string(got.Body), "São Paulo & c;;x;2") {
		t.Errorf("the link gives %q, the token %q", got.Body, byToken.Body)
	}
	if got.Header.Get("Referrer-Policy") != "no-referrer" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", got.Header)
	}
	if head := s.Send(http.MethodHead, at, "", "").Want(http.StatusOK); len(head.Body) > 0 || head.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("HEAD: %v", head.Header)
	}
	kept, keptAt := makeLink(s, token, "/api/v1/data-api/default/kept/", "{}")
	first := s.Get(keptAt, "").Want(http.StatusOK)
	if !strings.HasPrefix(first.Header.Get("Cache-Control"), "private, ") {
		t.Errorf("what is kept: %v", first.Header)
	}
	s.Send(http.MethodGet, keptAt, "", "", "If-None-Match", first.Header.Get("ETag")).Want(http.StatusNotModified)

	_, freeAt := makeLink(s, token, "/api/v1/data-api/default/needs/", `{"free":["n"]}`)
	s.Get(freeAt, "").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	if got := s.Get(freeAt+"&n=7", "").Want(http.StatusOK); !strings.Contains(string(got.Body), `{"n":7}`) {
		t.Errorf("a free parameter: %s", got.Body)
	}
	// Where a job could be the answer, the holder of a link could not ask for it again.
	_, patientAt := makeLink(s, token, "/api/v1/data-api/default/patient/", "")
	s.Send(http.MethodGet, patientAt, "", "", "Prefer", "respond-async").Want(http.StatusOK)

	if log := s.Log.String(); strings.Contains(log, kept.ID+".") || strings.Contains(log, made.ID+".") {
		t.Error("the log has a link")
	}
}

func TestLinksThatAreNotMade(t *testing.T) {
	t.Parallel()
	s, _, token := linkServer(t)
	for body, want := range map[string]string{
		`{"format":"xls"}`: "format: must be one of", `{"format":""}`: "format: must be one of",
		`{"options":{"csv_for":"excel"}}`: "csv_for is for text/csv", `{"options":{"color":"red"}}`: "options.color: is not known",
		`{"options":{"link":"x"}}`: "options.link: is not known", `{"options":{"revision":"no"}}`: "REVISION_NOT_FOUND",
		`{"expires_in":59}`: "expires_in: must be 60 to", `{"expires_in":31622401}`: "expires_in: must be 60 to", `{"expires_in":-9223372036854775808}`: "expires_in",
		`{"expires_in":"1h"}`: "must be a whole number", `{"uses":0}`: "uses: must be 1 to", `{"uses":1000001}`: "uses: must be 1 to",
		`{"name":"` + strings.Repeat("é", 201) + `"}`: "name: has more than",
		`{"parameter_values":{"pin":"1234"}}`:         "pin: is sensitive", `{"free":["pin"]}`: "pin: is sensitive",
		`{"parameter_values":{"dias":[]}}`: "dias: cannot be written in a URL", `{"parameter_values":{"regiao":7}}`: "regiao: must be a string",
		`{"parameter_values":{"x":1}}`: "x: ", `{"free":["x"]}`: `free: "x" is no parameter`, `{"free":["mes","mes"]}`: "is given twice",
		`{"parameter_values":{"mes":"a"},"free":["mes"]}`: "mes: is in parameter_values and in free",
		`{"regiao":"Sul"}`: "belong inside parameter_values", `[]`: "one JSON object",
		`{"expires_in":1,"uses":0,"free":["x"],"parameter_values":{"pin":"1234","mes":"2026-04-01"}}`: "mes: must have at most 7",
	} {
		got := s.Send(http.MethodPost, linkedRoute+"links", token, body)
		var problem struct {
			Code, Detail string
			Errors       []struct{ Parameter, Detail string }
		}
		got.Decode(&problem)
		told := problem.Code + " " + problem.Detail
		for _, fault := range problem.Errors {
			told += "\n" + fault.Parameter + ": " + fault.Detail
		}
		if got.Status < 400 || !strings.Contains(told, want) || strings.Contains(told, "1234") {
			t.Errorf("%s: %d %s, want %s", body, got.Status, told, want)
		}
		if strings.Contains(body, `"expires_in":1,`) && len(problem.Errors) != 5 {
			t.Errorf("not all faults are told at once: %s", told)
		}
	}
	s.Send(http.MethodPost, "/api/v1/data-api/default/later/links", token, "").Problem(http.StatusConflict, "CONFLICT")
	s.Send(http.MethodPost, "/api/v1/data-api/default/nowhere/links", token, "").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.Send(http.MethodPost, "/api/v1/data-api/default/needs/links", token, "").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	s.Send(http.MethodPost, linkedRoute+"links", "", "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Send(http.MethodPost, linkedRoute+"links", s.Login("acme", "integration").Access, "").Problem(http.StatusForbidden, "FORBIDDEN")
}

// Whatever is changed in a URL, or done with it beyond what it was made for, is refused.
func TestForgedAndMisusedLinks(t *testing.T) {
	t.Parallel()
	s, _, token := linkServer(t)
	made, at := makeLink(s, token, linkedRoute, `{"format":"csv","parameter_values":{"regiao":"Sul","dias":[1,2]},"free":["mes"]}`)
	_, another := makeLink(s, token, linkedRoute, `{"format":"csv","parameter_values":{"regiao":"Norte","dias":[1,2]},"free":["mes"]}`)
	if want := linkedRoute + "execute.csv?dias=1&dias=2&regiao=Sul&link=" + made.ID + "."; !strings.HasPrefix(at, want) {
		t.Fatalf("the link is %s, want %s...", at, want)
	}
	_, text, _ := strings.Cut(at, "&link=")
	mac := strings.TrimPrefix(text, made.ID+".")
	_, otherText, _ := strings.Cut(another, "&link=")
	replaced := func(old, with string) string {
		t.Helper()
		if !strings.Contains(at, old) {
			t.Fatalf("there is no %s in %s", old, at)
		}
		return strings.Replace(at, old, with, 1)
	}
	flipped := func(text string, i int) string {
		c := byte('A')
		if text[i] == c {
			c = 'B'
		}
		return text[:i] + string(c) + text[i+1:]
	}
	none := strings.TrimSuffix(at, "&link="+text)
	for name, forged := range map[string]string{
		"a changed parameter":               replaced("regiao=Sul", "regiao=Norte"),
		"another case":                      replaced("regiao=Sul", "regiao=sul"),
		"an empty parameter":                replaced("regiao=Sul", "regiao="),
		"a parameter left out":              replaced("&regiao=Sul", ""),
		"a parameter added":                 at + "&link2=x",
		"a parameter of the endpoint added": at + "&p.link=x",
		"a sensitive parameter added":       at + "&pin=1234",
		"a parameter twice":                 at + "&regiao=Norte",
		"a parameter twice, the same":       at + "&regiao=Sul",
		"a parameter twice, in front":       replaced("dias=1", "regiao=Norte&dias=1"),
		"a parameter by both names":         at + "&p.regiao=Norte",
		"the free one by both names":        at + "&mes=1&p.mes=2",
		"an item more":                      replaced("dias=2", "dias=2&dias=3"),
		"items in another order":            replaced("dias=1&dias=2", "dias=2&dias=1"),
		"items in one":                      replaced("dias=1&dias=2", "dias=1%262"),
		"double encoding":                   replaced("regiao=Sul", "regiao=%2553ul"),
		"an escaped plus":                   replaced("regiao=Sul", "regiao=Sul%2B"),
		"a space behind":                    replaced("regiao=Sul", "regiao=Sul+"),
		"a zero byte":                       replaced("regiao=Sul", "regiao=Sul%00"),
		"no UTF-8":                          replaced("regiao=Sul", "regiao=Sul%FF"),
		"half an escape":                    replaced("regiao=Sul", "regiao=Sul%2"),
		"a semicolon":                       replaced("&regiao=Sul", ";regiao=Sul"),
		"an option added":                   at + "&csv_for=excel",
		"an option twice":                   at + "&csv_for=standard&csv_for=excel",
		"a revision added":                  at + "&revision=0000000000000000",
		"another format":                    replaced("execute.csv", "execute.json"),
		"no format":                         replaced("execute.csv", "execute"),
		"a format of jobs":                  replaced("execute.csv", "execute.parquet"),
		"another endpoint":                  replaced("/linked/", "/other/"),
		"another namespace":                 replaced("/default/", "/elsewhere/"),
		"the jobs of the endpoint":          replaced("execute.csv", "jobs"),
		"the links of the endpoint":         replaced("execute.csv", "links"),
		"the link itself":                   replaced("execute.csv", "links/"+made.ID),
		"the endpoints":                     replaced(linkedRoute+"execute.csv", "/api/v1/data-api"),
		"the OpenAPI document":              replaced(linkedRoute+"execute.csv", "/api/v1/data-api/openapi.json"),
		"the permissions":                   replaced(linkedRoute+"execute.csv", "/api/v1/auth/permissions"),
		"the users":                         replaced(linkedRoute+"execute.csv", "/api/v1/users"),
		"a letter escaped in the path":      replaced("execute.csv", "execute%2Ecsv"),
		"a slash escaped in the path":       replaced("default/linked", "default%2Flinked"),
		"a letter of the format escaped":    replaced("execute.csv", "execute.cs%76"),
		"a dot segment":                     replaced("/linked/", "/other/../linked/"),
		"an escaped dot segment":            replaced("/linked/", "/linked/%2e/"),
		"two slashes":                       replaced("/linked/", "//linked/"),
		"a slash behind":                    replaced("execute.csv", "execute.csv/"),
		"another case of the path":          replaced("execute.csv", "Execute.csv"),
		"no MAC":                            replaced("."+mac, ""),
		"an empty MAC":                      replaced(mac, ""),
		"a MAC cut short":                   at[:len(at)-1],
		"half a MAC":                        at[:len(at)-21],
		"a longer MAC":                      at + "A",
		"a padded MAC":                      at + "%3D",
		"the first bit of the MAC":          replaced(mac, flipped(mac, 0)),
		"the last bits of the MAC":          replaced(mac, flipped(mac, len(mac)-1)),
		"the MAC in lower case":             replaced(mac, strings.ToLower(mac)),
		"the id of another link":            replaced(made.ID, otherText[:len(made.ID)]),
		"another link":                      none + "&link=" + otherText,
		"an id that was made up":            replaced(made.ID, strings.Repeat("0", len(made.ID))),
		"an id in upper case":               replaced(made.ID, strings.ToUpper(made.ID)),
		"the link twice":                    at + "&link=" + text,
		"two links":                         at + "&link=" + otherText,
		"the name of the link escaped":      replaced("&link=", "&l%69nk="),
		"the link as a parameter":           replaced("&link=", "&p.link="),
		"an empty link":                     none + "&link=",
		"no link":                           none,
	} {
		got := s.Get(forged, "")
		if got.Status == http.StatusOK || got.Status >= 500 || strings.Contains(string(got.Body), "regiao,mes") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if got.Status != http.StatusUnauthorized && got.Status != http.StatusTemporaryRedirect {
			t.Logf("%s: %d", name, got.Status)
		}
	}
	for name, refused := range map[string]answer{
		"a POST":              s.Send(http.MethodPost, at, "", ""),
		"a DELETE":            s.Send(http.MethodDelete, at, "", ""),
		"a body":              s.Send(http.MethodGet, at, "", "{}"),
		"a token beside":      s.Get(at, token),
		"Basic beside":        s.Send(http.MethodGet, at, "", "", "Authorization", "Basic YTpi"),
		"in a header":         s.Send(http.MethodGet, none, "", "", "Authorization", "Bearer "+text),
		"in a cookie":         s.Send(http.MethodGet, none, "", "", "Cookie", "link="+text),
		"in another fragment": s.Get(none+"#link="+text, ""),
		"renewing a link":     s.Send(http.MethodPost, replaced("execute.csv", "links"), "", "{}"),
		"revoking by a link":  s.Send(http.MethodDelete, replaced("execute.csv", "links/"+made.ID), "", ""),
	} {
		if refused.Status < 400 || refused.Status >= 500 {
			t.Errorf("%s: %d %s", name, refused.Status, refused.Body)
		}
	}
	// What means the same still is the same.
	for name, same := range map[string]string{
		"as it was made":           at,
		"with a free parameter":    at + "&mes=2026-04",
		"in another order":         linkedRoute + "execute.csv?link=" + text + "&regiao=Sul&dias=1&dias=2",
		"written by the long name": replaced("regiao=Sul", "p.regiao=Sul"),
		"with a letter escaped":    replaced("regiao=Sul", "regiao=%53ul"),
	} {
		if got := s.Get(same, ""); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

// All that is refused as not genuine is refused alike, byte for byte.
func TestForgedLinksAreRefusedAlike(t *testing.T) {
	t.Parallel()
	s, _, token := linkServer(t)
	made, at := makeLink(s, token, linkedRoute, "{}")
	plain := s.Get(linkedRoute+"execute.json", "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Send(http.MethodDelete, linkedRoute+"links/"+made.ID, token, "").Want(http.StatusNoContent)
	for _, forged := range []string{at, at + "x", linkedRoute + "execute.json?link=x", at + "&regiao=x"} {
		got := s.Get(forged, "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		if got.Text() != plain.Text() || got.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
			t.Errorf("%s: %s %v", forged, got.Body, got.Header)
		}
	}
}

func TestUsesOfALink(t *testing.T) {
	t.Parallel()
	s, _, token := linkServer(t)
	made, at := makeLink(s, token, linkedRoute, `{"uses":7,"free":["mes"]}`)
	for range 3 { // what shows nothing, and what is refused, uses nothing
		s.Send(http.MethodHead, at, "", "").Want(http.StatusOK)
		s.Get(at+"&mes=far-too-long", "").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		s.Get(at+"&regiao=x", "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	var succeeded, refused atomic.Int32
	var callers sync.WaitGroup
	for range 40 {
		callers.Go(func() {
			switch got, err := s.Try(t.Context(), http.MethodGet, at, "", ""); {
			case err == nil && got.Status == http.StatusOK:
				succeeded.Add(1)
			case err == nil && got.Status == http.StatusGone && strings.Contains(string(got.Body), "LINK_ENDED"):
				refused.Add(1)
			default:
				t.Errorf("%d %s %v", got.Status, got.Body, err)
			}
		})
	}
	callers.Wait()
	if succeeded.Load() != 7 || refused.Load() != 33 {
		t.Errorf("of 40 calls %d succeeded and %d were refused", succeeded.Load(), refused.Load())
	}
	s.Send(http.MethodHead, at, "", "").Want(http.StatusGone)
	var shown madeLink
	s.Get(linkedRoute+"links/"+made.ID, token).Want(http.StatusOK).Decode(&shown)
	if shown.State != "used_up" || *shown.Uses != 7 || *shown.Used != 7 || shown.URL != "" {
		t.Errorf("%+v", shown)
	}
}

// A link ends with whatever lets its maker ask.
func TestLinkDiesWithItsMaker(t *testing.T) {
	t.Parallel()
	s, key, token := linkServer(t)
	_, at := makeLink(s, token, linkedRoute, "{}")
	_, other := makeLink(s, s.Login("acme", "bob").Access, linkedRoute, "{}")
	s.Get(at, "").Want(http.StatusOK)
	s.Revoke(key.Key)
	s.Get(at, "").Problem(http.StatusGone, "LINK_ENDED")
	s.Get(other, "").Want(http.StatusOK)

	file := func(policies, active string) string {
		return "name: Acme\nactive: " + active + "\nusers:\n  bob: { policies: [" + policies + "] }\npolicies:\n" +
			"  Linker: { grants: [{ actions: [data_api:execute, data_api:create_link] }] }\n" +
			"  Reader: { grants: [{ actions: [data_api:execute] }] }\n  Maker: { grants: [{ actions: [data_api:create_link] }] }\n"
	}
	for _, step := range []struct {
		file, code string
		status     int
	}{
		{file("Reader", "true"), "FORBIDDEN", http.StatusForbidden},
		{file("Maker", "true"), "FORBIDDEN", http.StatusForbidden},
		{file("Linker", "false"), "LINK_ENDED", http.StatusGone},
		{strings.Replace(file("Linker", "true"), "  bob:", "  carl:", 1), "LINK_ENDED", http.StatusGone},
	} {
		s.WriteCatalog("acme/company.yaml", step.file)
		servertest.Eventually(t, step.code, patience, func() bool { return s.Get(other, "").Status == step.status })
		s.Get(other, "").Problem(step.status, step.code)
	}
	s.WriteCatalog("acme/company.yaml", file("Linker", "true"))
	servertest.Eventually(t, "the link works again", patience, func() bool { return s.Get(other, "").Status == http.StatusOK })
	s.Reload()
	s.Get(other, "").Want(http.StatusOK)
	s.Restart()
	s.Get(other, "").Want(http.StatusOK)
}

// Links count as their maker's calls do.
func TestLinkIsLimitedAsItsMaker(t *testing.T) {
	t.Parallel()
	s, _, _ := linkServer(t)
	token := s.Login("acme", "slow").Access
	_, at := makeLink(s, token, linkedRoute, "{}")
	limited := false
	for range 6 {
		limited = limited || s.Get(at, "").Status == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("a link is not held to the rate of its maker's key")
	}
	s.Get("/api/v1/auth/permissions", token).Problem(http.StatusTooManyRequests, "RATE_LIMITED")
}

func TestListAndRevokeLinks(t *testing.T) {
	t.Parallel()
	s, _, ana := linkServer(t)
	bob, boss := s.Login("acme", "bob").Access, s.Login("acme", "boss").Access
	var made []madeLink
	for i := range 5 {
		token := ana
		if i == 3 {
			token = bob
		}
		link, _ := makeLink(s, token, linkedRoute, fmt.Sprintf(`{"name":"link %d"}`, i))
		made = append(made, link)
		time.Sleep(2 * time.Millisecond) // lists are in the order of milliseconds
	}
	makeLink(s, ana, "/api/v1/data-api/default/other/", "{}")
	listed := func(token string) (names []string) {
		t.Helper()
		for at := linkedRoute + "links?limit=2"; at != ""; {
			got := s.Get(at, token).Want(http.StatusOK)
			var page struct {
				Links []madeLink `json:"links"`
				Next  *string    `json:"next_cursor"`
			}
			got.Decode(&page)
			for _, link := range page.Links {
				names = append(names, link.Name)
			}
			if at = ""; page.Next != nil {
				at = linkedRoute + "links?limit=2&cursor=" + url.QueryEscape(*page.Next)
			}
			if strings.Contains(string(got.Body), "execute") {
				t.Errorf("the list has a URL: %s", got.Body)
			}
		}
		return names
	}
	if got := fmt.Sprint(listed(ana)); got != "[link 4 link 2 link 1 link 0]" {
		t.Errorf("Ana sees %s", got)
	}
	if got := fmt.Sprint(listed(boss)); got != "[link 4 link 3 link 2 link 1 link 0]" {
		t.Errorf("who looks after keys sees %s", got)
	}
	s.Get(linkedRoute+"links?cursor=x", ana).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Get(linkedRoute+"links", s.Login("acme", "integration").Access).Problem(http.StatusForbidden, "FORBIDDEN")

	s.Send(http.MethodDelete, linkedRoute+"links/"+made[3].ID, ana, "").Problem(http.StatusNotFound, "NOT_FOUND")
	s.Send(http.MethodDelete, "/api/v1/data-api/default/other/links/"+made[0].ID, ana, "").Problem(http.StatusNotFound, "NOT_FOUND")
	s.Send(http.MethodDelete, linkedRoute+"links/nonsense", ana, "").Problem(http.StatusNotFound, "NOT_FOUND")
	s.Send(http.MethodDelete, linkedRoute+"links/"+made[3].ID, boss, "").Want(http.StatusNoContent)
	s.Send(http.MethodDelete, linkedRoute+"links/"+made[0].ID, ana, "").Want(http.StatusNoContent)
	s.Send(http.MethodDelete, linkedRoute+"links/"+made[0].ID, ana, "").Problem(http.StatusNotFound, "NOT_FOUND")
	s.Get(strings.TrimPrefix(made[3].URL, s.Base), "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Get(strings.TrimPrefix(made[4].URL, s.Base), "").Want(http.StatusOK)
	if got := fmt.Sprint(listed(boss)); got != "[link 4 link 2 link 1]" {
		t.Errorf("after that who looks after keys sees %s", got)
	}
}

// An endpoint that is gone or inactive leaves its links: who may see them can still revoke them, before an endpoint is at that address
// again and they open once more.
func TestLinksOfAnEndpointThatIsGone(t *testing.T) {
	t.Parallel()
	s, _, ana := linkServer(t)
	kept, keptAt := makeLink(s, ana, linkedRoute, `{"name":"kept"}`)
	revoked, revokedAt := makeLink(s, ana, linkedRoute, `{"name":"revoked"}`)
	text := s.RemoveCatalog("acme/default/linked.sql")
	s.Reload()
	s.Get(keptAt, "").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.Send(http.MethodPost, linkedRoute+"links", ana, "{}").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	var page struct {
		Links []madeLink `json:"links"`
	}
	s.Get(linkedRoute+"links", ana).Want(http.StatusOK).Decode(&page)
	if len(page.Links) != 2 {
		t.Errorf("the links of an endpoint that is gone: %+v", page.Links)
	}
	s.Get(linkedRoute+"links/"+kept.ID, ana).Want(http.StatusOK)
	s.Get(linkedRoute+"links/"+kept.ID, s.Login("acme", "bob").Access).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.Send(http.MethodDelete, linkedRoute+"links/"+revoked.ID, ana, "").Want(http.StatusNoContent)
	s.Get("/api/v1/data-api/default/never/links", ana).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")

	s.WriteCatalog("acme/default/linked.sql", text)
	s.Reload()
	s.Get(revokedAt, "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Get(keptAt, "").Want(http.StatusOK)
}
