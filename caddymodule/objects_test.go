//go:build !race

package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// mostObjects is how many objects a short call may allocate beyond a static answer of Caddy's own.
const mostObjects = 48

// TestObjectsOfAShortCall counts in one process, client and all, what a call of an endpoint and a static answer allocate. Not under the
// race detector, which has pools forget what they hold.
func TestObjectsOfAShortCall(t *testing.T) {
	static := servertest.FreePort(t)
	block := fmt.Sprintf("\tdata_api\n}\nhttp://127.0.0.1:%d {\n\theader Content-Type application/json\n\trespond hello 200", static)
	s := serveSite(t, block, map[string]string{"one": "/*---\nsource: main\nparams: { n: { type: integer, required: true } }\n---*/\nSELECT @n AS n"})
	bearer := "Bearer " + s.tokenAt("")
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	ask := func(url string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"parameter_values":{"n":7}}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", bearer)
		answer, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s is answered %d: %v", url, answer.StatusCode, err)
		}
	}
	// Whatever else runs in this process counts too: the least of several is the request's own.
	objects := func(url string) float64 {
		least := testing.AllocsPerRun(500, func() { ask(url) })
		for range 4 {
			least = min(least, testing.AllocsPerRun(500, func() { ask(url) }))
		}
		return least
	}
	ours := objects(s.url("/api/v1/data-api/default/one/execute"))
	theirs := objects(fmt.Sprintf("http://127.0.0.1:%d/", static))
	t.Logf("%v objects, and %v for a static answer", ours, theirs)
	if ours-theirs > mostObjects {
		t.Errorf("a short call allocates %v objects, and a static answer %v", ours, theirs)
	}
}
