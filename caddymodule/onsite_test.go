package caddymodule_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// The API is one of several things on a site.
func TestOnASite(t *testing.T) {
	t.Run("beside other handlers", besideOtherHandlers)
	t.Run("documentation page", documentationPageIsWhereTheSiteSays)
	t.Run("header fields", headerFieldsAreEachAnswersOwn)
}

// A site serves other things beside the API, and compresses its answers.
func besideOtherHandlers(t *testing.T) {
	s := serveSales(t)

	var calls atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		connection, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = connection.Close() // a failure behind the directive
		}
	})}
	go func() { _ = backend.Serve(listener) }()
	defer backend.Close()

	with := strings.Replace(s.content(), "\n\tdata_api\n}",
		fmt.Sprintf("\n\tdata_api\n\tencode gzip\n\thandle {\n\t\treverse_proxy %s\n\t}\n}", listener.Addr()), 1)
	if err := s.load(s.adapt(with)); err != nil {
		t.Fatal(err)
	}
	token := s.Login("acme", "integration").Access
	s.Execute("few", token, `{}`).Want(http.StatusOK)

	if got := s.Post("/elsewhere", "", `{}`); got.Status != http.StatusBadGateway || calls.Load() != 1 {
		t.Errorf("a failing proxy beside the API gave %d after %d calls", got.Status, calls.Load())
	}

	request, err := http.NewRequest(http.MethodPost, s.URL("/api/v1/data-api/default/series/execute"), strings.NewReader(`{"parameter_values":{"rows":20000}}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := (&http.Transport{DisableCompression: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if coding := response.Header.Get("Content-Encoding"); coding != "gzip" {
		t.Fatalf("Content-Encoding is %q", coding)
	}
	reader, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil || !strings.Contains(string(body), `"row_count":20000`) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// The documentation page is at /docs, elsewhere, or nowhere.
func documentationPageIsWhereTheSiteSays(t *testing.T) {
	s := serveSales(t)
	page := s.Get("/docs/", "").Want(http.StatusOK)
	script := regexp.MustCompile(`<script type="module" crossorigin src="\./(assets/[^"]+\.js)">`).FindSubmatch(page.Body)
	if script == nil || !strings.Contains(string(page.Body), `<meta name="data-api-face" content="docs" />`) {
		t.Fatalf("the page is %s", page.Body)
	}
	file := string(script[1])
	s.Get("/docs/"+file, "").Want(http.StatusOK)
	text := s.content()
	for option, statuses := range map[string]map[string]int{
		"docs /help/api": {"/docs/": http.StatusNotFound, "/help/api/": http.StatusOK, "/help/api/" + file: http.StatusOK, "/help/": http.StatusNotFound},
		"docs off":       {"/docs/": http.StatusNotFound, "/help/api/": http.StatusNotFound},
	} {
		changed := strings.Replace(text, "\tdata_api\n}", "\tdata_api {\n\t\t"+option+"\n\t}\n\trespond 404\n}", 1)
		if changed == text {
			t.Fatalf("the Caddyfile is another one: %s", text)
		}
		if err := s.load(s.adapt(changed)); err != nil {
			t.Fatal(err)
		}
		for path, want := range statuses {
			if got := s.Get(path, "").Status; got != want {
				t.Errorf("%s: %s is %d", option, path, got)
			}
		}
		s.Get("/api/v1/data-api", "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
}

// What Caddy's header directive does to an answer's fields, which it changes in place, does not reach the next answer.
func headerFieldsAreEachAnswersOwn(t *testing.T) {
	s := serveSales(t)
	_, token := s.CreateKeyAndLogin("acme", "integration")
	const execute = servertest.Endpoints + "few/execute"
	plain := s.Post(execute, token, `{}`).Want(http.StatusOK)
	s.reconfigure("\n\tdata_api\n}", "\n\theader >* ^ x\n\tdata_api\n}")
	for range 3 {
		answer := s.Post(execute, token, `{}`).Want(http.StatusOK)
		for _, field := range []string{"X-Data-Api-Revision", "Cache-Control", "Content-Type", "Vary", "X-Content-Type-Options"} {
			if got, want := answer.Header.Get(field), "x"+plain.Header.Get(field); got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
	}
}
