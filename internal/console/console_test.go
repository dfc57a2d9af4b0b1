package console_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/solucao42/caddy-data-api/internal/console"
	"github.com/solucao42/caddy-data-api/web"
)

const markup = `<!doctype html><meta name="base" content="__BASE__"><meta name="api" content="__API__"><meta name="face" content="__FACE__">` +
	`<meta name="console" content="__CONSOLE__"><meta name="docs" content="__DOCS__"><script nonce="__NONCE__" src="__BASE__/assets/main-1a2b3c4d.js"></script>`

var script = strings.Repeat("export const answer = 42;\n", 100)

var built = console.NewFiles(func() (fs.FS, error) {
	return fstest.MapFS{
		"index.html":               {Data: []byte(markup)},
		"icon.svg":                 {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
		"assets/main-1a2b3c4d.js":  {Data: []byte(script)},
		"assets/in-1a2b3c4d.woff2": {Data: []byte("not compressed again")},
		"assets/plain.css":         {Data: []byte("b{}")},
	}, nil
})

func get(t *testing.T, h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
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

var faces = map[console.Face]string{console.Console: "/console", console.Docs: "/help/api"}

func TestFiles(t *testing.T) {
	h := console.New(built, console.Console, faces)
	for _, test := range []struct {
		method, path      string
		status            int
		mediaType, caches string
	}{
		{"GET", "/console/", 200, "text/html; charset=utf-8", "no-store"},
		{"HEAD", "/console/", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/console/index.html", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/console/endpoints/default/vendas-por-regiao", 200, "text/html; charset=utf-8", "no-store"},
		{"GET", "/console/icon.svg", 200, "image/svg+xml", "no-cache"},
		{"GET", "/console/assets/main-1a2b3c4d.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", "/console/assets/plain.css", 200, "text/css; charset=utf-8", "no-cache"},
		{"GET", "/console/assets/main-00000000.js", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/console/endpoints/..%2f..%2fweb.go", 404, "text/plain; charset=utf-8", ""},
		{"POST", "/console/", 405, "text/plain; charset=utf-8", ""},
	} {
		response := get(t, h, test.method, test.path)
		header := response.Header()
		if response.Code != test.status || header.Get("Content-Type") != test.mediaType || header.Get("Cache-Control") != test.caches {
			t.Errorf("%s %s: %d %s, %q", test.method, test.path, response.Code, header.Get("Content-Type"), header.Get("Cache-Control"))
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q", test.path, name, got)
			}
		}
		if policy := header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self' 'nonce-") ||
			strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", test.path, policy)
		}
	}
	if got := get(t, h, "GET", "/console"); got.Code != http.StatusPermanentRedirect || got.Header().Get("Location") != "console/" {
		t.Errorf("the base without a slash: %d, to %q", got.Code, got.Header().Get("Location"))
	}
}

// What the document says leads to the same places from every view, also behind a proxy that takes a prefix away.
func TestPlaces(t *testing.T) {
	content := func(document, name string) string {
		found := regexp.MustCompile(`name="` + name + `" content="([^"]*)"`).FindStringSubmatch(document)
		if found == nil {
			t.Fatalf("%s is missing in %s", name, document)
		}
		return found[1]
	}
	for face, base := range faces {
		h := console.New(built, face, faces)
		for _, view := range []string{"/", "/jobs", "/jobs/", "/endpoints/default/vendas"} {
			for _, prefix := range []string{"", "/tools"} {
				document := body(t, get(t, h, "GET", base+view))
				page, err := url.Parse("https://example.com" + prefix + base + view)
				if err != nil {
					t.Fatal(err)
				}
				for name, want := range map[string]string{"base": base, "api": "", "console": "/console", "docs": "/help/api"} {
					place, err := page.Parse(content(document, name))
					if err != nil {
						t.Fatal(err)
					}
					if got := path.Clean("/" + place.Path); got != path.Clean("/"+prefix+want) {
						t.Errorf("%s %s: %s is %q, which is %s, want %s", base, page.Path, name, content(document, name), got, prefix+want)
					}
				}
				if got := content(document, "face"); got != string(face) {
					t.Errorf("%s is %s", base, got)
				}
			}
		}
	}
	alone := body(t, get(t, console.New(built, console.Console, map[console.Face]string{console.Console: "/console"}), "GET", "/console/"))
	if got := content(alone, "docs"); got != "" {
		t.Errorf("the documentation, which is nowhere, is at %q", got)
	}
}

// Each answer has a nonce of its own, the same in the policy and the document.
func TestNonce(t *testing.T) {
	h := console.New(built, console.Console, faces)
	seen := make(map[string]bool)
	for range 3 {
		response := get(t, h, "GET", "/console/", "Accept-Encoding", "gzip")
		nonce := regexp.MustCompile(`script-src 'self' 'nonce-([A-Z2-7]+)'`).FindStringSubmatch(response.Header().Get("Content-Security-Policy"))
		if nonce == nil || !strings.Contains(body(t, response), `<script nonce="`+nonce[1]+`"`) || seen[nonce[1]] {
			t.Fatalf("the nonce is %v, in %s", nonce, body(t, response))
		}
		seen[nonce[1]] = true
		if response.Header().Get("ETag") != "" {
			t.Error("a document with a nonce has an ETag")
		}
	}
}

func TestCodings(t *testing.T) {
	h := console.New(built, console.Console, faces)
	const name = "/console/assets/main-1a2b3c4d.js"
	plain, packed := get(t, h, "GET", name), get(t, h, "GET", name, "Accept-Encoding", "br, gzip;q=0.5")
	if packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" || packed.Body.Len() >= plain.Body.Len() {
		t.Errorf("the codings are %q and %q", plain.Header().Get("Content-Encoding"), packed.Header().Get("Content-Encoding"))
	}
	if plain.Header().Get("ETag") == packed.Header().Get("ETag") || body(t, plain) != script || body(t, packed) != script {
		t.Error("the two differ where they must not, or the other way round")
	}
	for _, refused := range []string{"gzip;q=0", "identity", "br", "gzip;q=x"} {
		if get(t, h, "GET", name, "Accept-Encoding", refused).Header().Get("Content-Encoding") != "" {
			t.Errorf("%q gets gzip", refused)
		}
	}
	if again := get(t, h, "GET", name, "If-None-Match", plain.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("known contents are answered %d", again.Code)
	}
	if font := get(t, h, "GET", "/console/assets/in-1a2b3c4d.woff2", "Accept-Encoding", "gzip"); font.Header().Get("Content-Encoding") != "" {
		t.Error("a font is compressed again")
	}
}

func TestFaultyFiles(t *testing.T) {
	for _, files := range []*console.Files{
		console.NewFiles(func() (fs.FS, error) { return nil, errors.New("no files") }),
		console.NewFiles(func() (fs.FS, error) { return fstest.MapFS{"a.js": {}}, nil }),
		console.NewFiles(func() (fs.FS, error) { return fstest.MapFS{"index.html": {Data: []byte("x")}, "a.exe": {}}, nil }),
	} {
		if got := get(t, console.New(files, console.Console, faces), "GET", "/console/"); got.Code != http.StatusInternalServerError {
			t.Errorf("%d", got.Code)
		}
	}
}

// What is embedded can be served, and names no other place.
func TestEmbedded(t *testing.T) {
	response := get(t, console.New(console.Embedded, console.Console, faces), "GET", "/console/")
	if response.Code != http.StatusOK {
		t.Fatalf("%d %s", response.Code, response.Body)
	}
	if found := regexp.MustCompile(`(src|href)="(https?:)?//|__[A-Z]+__| style=| on[a-z]+="`).FindString(body(t, response)); found != "" {
		t.Errorf("the document has %s", found)
	}
}

// What is embedded makes the program larger, by 3 MB at most.
func TestEmbeddedIsSmall(t *testing.T) {
	size := 0
	err := fs.WalkDir(web.Dist, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := web.Dist.ReadFile(path)
		size += len(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > 3_000_000 || size == 0 {
		t.Errorf("%d bytes", size)
	}
}
