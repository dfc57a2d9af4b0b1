package contract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// version is an endpoint file whose result names it.
func version(matter, name string) string {
	return fmt.Sprintf("/*---\nsource: main\n%s---*/\nSELECT '%s' AS version\n", matter, name)
}

// publish writes an endpoint file and waits until it is live, and returns its revision.
func (s *server) publish(path, token, name, content string) string {
	s.T.Helper()
	s.WriteCatalog("acme/"+path+".sql", content)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		answer := s.Post("/api/v1/data-api/"+path+"/execute", token, `{}`)
		if strings.Contains(string(answer.Body), `"version":"`+name+`"`) {
			return answer.Header.Get("X-Data-Api-Revision")
		}
		if time.Now().After(deadline) {
			s.T.Fatalf("%s is not live: %d %s", name, answer.Status, answer.Body)
		}
	}
}

func TestRevisionsArePinned(t *testing.T) {
	t.Parallel()
	const path = "default/report"
	s := newServer(t, servertest.Config{Database: engines[0].Source(t, t.TempDir(), sales), Files: map[string]string{
		"acme/company.yaml": "name: Acme\nusers:\n  integration: { policies: [DataAPIConsumer] }\n" +
			"  north: { policies: [DataAPIConsumer], share_context: { regiao: Norte } }\n",
		"globex/company.yaml":    "name: Globex\nusers:\n  reader: { policies: [DataAPIConsumer] }\n",
		"acme/" + path + ".sql":  version("", "one"),
		"acme/default/other.sql": "/*---\nsource: main\nparams: { regiao: { type: string } }\n---*/\nSELECT @regiao AS regiao\n",
	}})
	token, north := s.Login("acme", "integration").Access, s.Login("acme", "north").Access
	foreign := s.Login("globex", "reader").Access
	at := func(revision string) string { return "/api/v1/data-api/" + path + "/execute?revision=" + revision }
	wantVersion := func(token, revision, name string) {
		t.Helper()
		answer := s.Post(at(revision), token, `{}`).Want(http.StatusOK)
		if !strings.Contains(string(answer.Body), `"version":"`+name+`"`) || answer.Header.Get("X-Data-Api-Revision") != revision {
			t.Errorf("%s is answered as %s: %s", revision, answer.Header.Get("X-Data-Api-Revision"), answer.Body)
		}
	}

	one := s.publish(path, token, "one", version("", "one"))
	two := s.publish(path, token, "two", version("share: { globex: {} }\n", "two"))
	three := s.publish(path, token, "three", strings.Replace(
		version("params: { regiao: { type: string, default: Norte } }\nshare: { globex: { regiao: [Norte, Sul] } }\n", "three"),
		"AS version", "AS version, @regiao AS regiao", 1))
	for revision, name := range map[string]string{one: "one", two: "two", three: "three"} {
		wantVersion(token, revision, name)
	}
	unknown := s.Post(at("0123456789abcdef"), token, `{}`)
	unknown.Problem(http.StatusNotFound, "REVISION_NOT_FOUND")
	if want := fmt.Sprintf("The present one is %s; older ones are %s, %s.", three, two, one); !strings.Contains(string(unknown.Body), want) {
		t.Errorf("%s does not say %s", unknown.Body, want)
	}

	// A caller who is limited in a parameter cannot go back to where nothing limits it, nor to what was not shared.
	for who, token := range map[string]string{"a user with a context": north, "a company that it is shared with": foreign} {
		s.Post(at(three), token, `{}`).Want(http.StatusOK)
		for _, revision := range []string{one, two} {
			refused := s.Post(at(revision), token, `{}`)
			refused.Problem(http.StatusNotFound, "REVISION_NOT_FOUND")
			if strings.Contains(string(refused.Body), one) || strings.Contains(string(refused.Body), two) {
				t.Errorf("%s is told of what it cannot have: %s", who, refused.Body)
			}
		}
	}
	four := s.publish(path, token, "four", version("share: { globex: {} }\n", "four"))
	wantVersion(foreign, two, "two") // it was shared then
	s.Post(at(one), foreign, `{}`).Problem(http.StatusNotFound, "REVISION_NOT_FOUND")
	// The limits of then hold beside those of now.
	s.Post(at(three), foreign, `{"parameter_values":{"regiao":"Sudeste"}}`).Problem(http.StatusUnprocessableEntity, "PARAMETER_NOT_ALLOWED")
	wantVersion(foreign, three, "three")

	// A job is of the revision that was asked for, and a key of one revision is not one of another.
	job := s.Send(http.MethodPost, at(one), token, `{}`, "Prefer", "wait=20", "Idempotency-Key", "k1").Want(http.StatusOK)
	if !strings.Contains(string(job.Body), `"version":"one"`) || job.Header.Get("X-Data-Api-Revision") != one {
		t.Errorf("%v %s", job.Header, job.Body)
	}
	s.Send(http.MethodPost, at(two), token, `{}`, "Prefer", "wait=20", "Idempotency-Key", "k1").Problem(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")

	// What goes back to an older text is that revision again.
	if again := s.publish(path, token, "two", version("share: { globex: {} }\n", "two")); again != two {
		t.Errorf("the same text is %s, then %s", two, again)
	}
	wantVersion(token, four, "four")

	// Five are kept.
	for _, name := range []string{"five", "six", "seven", "eight"} {
		s.publish(path, token, name, version("", name))
	}
	s.Post(at(one), token, `{}`).Problem(http.StatusNotFound, "REVISION_NOT_FOUND")
	wantVersion(token, two, "two")

	// Switched off, nothing of it can be had, and its older revisions do not come back with it.
	s.WriteCatalog("acme/"+path+".sql", version("active: false\n", "off"))
	for deadline := time.Now().Add(patience); s.Post(at(two), token, `{}`).Status != http.StatusNotFound; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an older revision outlives the endpoint")
		}
	}
	s.Post(at(two), token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.publish(path, token, "nine", version("", "nine"))
	s.Post(at(two), token, `{}`).Problem(http.StatusNotFound, "REVISION_NOT_FOUND")
	s.Post("/api/v1/data-api/default/nothing/execute?revision="+one, token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
}

func TestRetirementIsAnnounced(t *testing.T) {
	t.Parallel()
	s := newServer(t, servertest.Config{Database: engines[0].Source(t, t.TempDir(), sales), Files: map[string]string{
		"acme/default/old.sql": version("deprecated: 2020-12-01\nsunset: 2021-03-01\n", "old"),
		"acme/default/new.sql": version("", "new"),
	}})
	token := s.Login("acme", "integration").Access
	for _, body := range []string{`{}`, `{"parameter_values":{"x":1}}`} { // past its sunset it is still served
		header := s.Post("/api/v1/data-api/default/old/execute", token, body).Header
		if header.Get("Deprecation") != "@1606780800" || header.Get("Sunset") != "Mon, 01 Mar 2021 00:00:00 GMT" {
			t.Errorf("%s: %v", body, header)
		}
	}
	if header := s.Post("/api/v1/data-api/default/new/execute", token, `{}`).Want(http.StatusOK).Header; header.Get("Deprecation")+header.Get("Sunset") != "" {
		t.Errorf("%v", header)
	}
}
