package docspage_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/docspage"
)

func get(t *testing.T, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	docspage.New("/docs").ServeHTTP(recorder, request)
	return recorder
}

func body(t *testing.T, response *httptest.ResponseRecorder) string {
	t.Helper()
	var reader io.Reader = bytes.NewReader(response.Body.Bytes())
	if response.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if reader, err = gzip.NewReader(reader); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPage(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/docs", 308, "text/html; charset=utf-8"},
		{"GET", "/docs/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/docs/", 200, "text/html; charset=utf-8"},
		{"GET", "/docs/page.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/docs/page.css", 200, "text/css; charset=utf-8"},
		{"GET", "/docs/swagger-ui-bundle.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/docs/nothing.js", 404, "text/plain; charset=utf-8"},
		{"GET", "/docs/../docspage.go", 404, "text/plain; charset=utf-8"},
		{"POST", "/docs/", 405, "text/plain; charset=utf-8"},
	} {
		response := get(t, test.method, test.path)
		if response.Code != test.status || response.Header().Get("Content-Type") != test.contentType {
			t.Errorf("%s %s: %d %s", test.method, test.path, response.Code, response.Header().Get("Content-Type"))
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if got := response.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", test.path, name, got)
			}
		}
		if policy := response.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") ||
			strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", test.path, policy)
		}
	}
	if location := get(t, "GET", "/docs").Header().Get("Location"); location != "/docs/" {
		t.Errorf("the page without a slash leads to %s", location)
	}
}

func TestCodingsHaveTheSameContentsAndTheirOwnETags(t *testing.T) {
	for _, path := range []string{"/docs/", "/docs/client.js", "/docs/swagger-ui.css"} {
		plain, packed := get(t, "GET", path), get(t, "GET", path, "Accept-Encoding", "br, gzip;q=0.5")
		if packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: the codings are %q and %q", path, plain.Header().Get("Content-Encoding"), packed.Header().Get("Content-Encoding"))
		}
		if plain.Header().Get("ETag") == packed.Header().Get("ETag") || body(t, plain) != body(t, packed) {
			t.Errorf("%s: the two differ where they must not, or the other way round", path)
		}
		for _, refused := range []string{"gzip;q=0", "identity", "br", "gzip;q=x"} {
			if get(t, "GET", path, "Accept-Encoding", refused).Header().Get("Content-Encoding") != "" {
				t.Errorf("%s: %q gets gzip", path, refused)
			}
		}
		if again := get(t, "GET", path, "If-None-Match", plain.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s: known contents are answered %d", path, again.Code)
		}
	}
}

// The page's own files name no other server, hold no script or style in their markup, and keep nothing in the browser.
func TestOwnFilesStayAtHome(t *testing.T) {
	for _, name := range []string{"", "page.js", "client.js", "form.js", "snippets.js", "page.css"} {
		text := body(t, get(t, "GET", "/docs/"+name))
		for _, wrong := range []string{`(src|href)="(https?:)?//`, `@import`, `[^c]url\(`, `<script>`, `<style`, ` style=`, ` on[a-z]+="`,
			`localStorage`, `sessionStorage`, `document\.cookie`, `innerHTML`, `eval\(`} {
			if found := regexp.MustCompile(wrong).FindString(text); found != "" {
				t.Errorf("%q has %s", name, found)
			}
		}
	}
}
