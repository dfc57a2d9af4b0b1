package docs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// Under the Caddyfiles that are shipped every path has an answer: the root leads to the documentation page, and what is
// nowhere is a problem document as the API's own are.
func TestShippedCaddyfilesAnswerEveryPath(t *testing.T) {
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	readme := ""
	for _, e := range examplesOf(t, "../README.md") {
		if e.language == "caddyfile" {
			readme = e.text
		}
	}
	for name, caddyfile := range map[string]string{
		"Caddyfile.example":       read(t, "../Caddyfile.example"),
		"examples/demo/Caddyfile": read(t, "../examples/demo/Caddyfile"),
		"README.md":               readme,
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.Symlink(filepath.Join(repository, "examples"), filepath.Join(root, "examples")); err != nil {
				t.Fatal(err)
			}
			write(t, root, "catalog/acme/company.yaml", "name: Acme\n")
			t.Setenv("WAREHOUSE_URL", "postgres://nobody@127.0.0.1:1/none")
			t.Chdir(root)
			address := freeAddress(t)
			config, err := adapt(withAddress(t, caddyfile, address))
			if err != nil {
				t.Fatal(err)
			}
			// The demo's store would be in the working directory; README's in Caddy's own.
			apps := string(config.AppsRaw["data_api"])
			config.AppsRaw["data_api"] = json.RawMessage(strings.Replace(apps, "{", fmt.Sprintf(`{"store":{"store":"bbolt","path":%q},`, filepath.Join(root, "x.db")), 1))
			if strings.Contains(apps, `"store"`) {
				config.AppsRaw["data_api"] = json.RawMessage(apps)
			}
			if err := caddy.Run(config); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := caddy.Stop(); err != nil {
					t.Error(err)
				}
			}()
			if answer := ask(t, http.MethodGet, address, "/"); answer.status != http.StatusFound || answer.location != "/docs/" {
				t.Errorf("GET /: %+v", answer)
			}
			if answer := ask(t, http.MethodGet, address, "/docs/"); answer.status != http.StatusOK {
				t.Errorf("GET /docs/: %d", answer.status)
			}
			for request, want := range map[string]problem{
				"GET /nothing":         {http.StatusNotFound, "NOT_FOUND"},
				"POST /nothing/else":   {http.StatusNotFound, "NOT_FOUND"},
				"GET /api":             {http.StatusNotFound, "NOT_FOUND"},
				"GET /api/v2/data-api": {http.StatusNotFound, "NOT_FOUND"},
				"GET /api/v1/data-api": {http.StatusUnauthorized, "UNAUTHENTICATED"},
				"POST /api/v1/auth/x":  {http.StatusNotFound, "NOT_FOUND"},
			} {
				method, path, _ := strings.Cut(request, " ")
				answer := ask(t, method, address, path)
				var got problem
				if err := json.Unmarshal([]byte(answer.body), &got); err != nil || got != want || answer.status != want.Status || answer.mediaType != "application/problem+json" {
					t.Errorf("%s: %+v", request, answer)
				}
			}
		})
	}
}

type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

type answer struct {
	status                    int
	location, mediaType, body string
}

func ask(t *testing.T, method, address, path string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), response.Header.Get("Content-Type"), string(body)}
}

// withAddress gives the site of a Caddyfile another address.
func withAddress(t *testing.T, caddyfile, address string) string {
	t.Helper()
	site := regexp.MustCompile(`(?m)^[a-z:][^\s{]*(, [^\s{]+)* \{$`)
	if found := site.FindAllString(caddyfile, -1); len(found) != 1 {
		t.Fatalf("sites are %q", found)
	}
	return site.ReplaceAllString(caddyfile, "http://"+address+" {")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
