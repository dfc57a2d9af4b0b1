package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Behind a prefix that the site takes away, the way of the guide can be gone by following the answers' own links alone; so it can
// where the configuration names what something in front takes away.
func TestLinksBehindAPrefix(t *testing.T) {
	endpoints := map[string]string{"one": sayOne, "later": "/*---\nsource: main\nmode: async\n---*/\nSELECT 3 AS n UNION ALL SELECT 4", "more": sayTwo}
	s := serveSite(t, "\tdata_api", endpoints)
	s.access = ""
	for name, test := range map[string]struct{ block, prefix, server string }{
		"none":         {"\tdata_api", "", "/"},
		"handle_path":  {"\thandle_path /edge/* {\n\t\tdata_api\n\t}", "/edge", "/edge"},
		"strip_prefix": {"\turi strip_prefix /a/b%20c\n\tdata_api", "/a/b%20c", "/a/b%20c"},
		"base_url": {"\thandle_path /inner/* {\n\t\tdata_api {\n\t\t\tbase_url https://api.example.com/outer\n\t\t}\n\t}\n\thandle_path /outer/* {\n\t\tdata_api {\n\t\t\tbase_url https://api.example.com/outer\n\t\t}\n\t}",
			"/outer", "https://api.example.com/outer"},
		"other rewrite": {"\thandle /short {\n\t\trewrite * /api/v1/data-api\n\t\tdata_api\n\t}\n\thandle {\n\t\tdata_api\n\t}", "", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			s.mustServe(test.block, catalogOf(t, endpoints))
			bearer := "Bearer " + s.tokenAt(test.prefix)
			var list struct {
				Endpoints []struct {
					Slug  string
					Links struct{ Execute, Jobs string }
				}
				Next *string `json:"next_cursor"`
			}
			path, links, jobs := test.prefix+"/api/v1/data-api?limit=1", make(map[string]string), ""
			if name == "other rewrite" {
				path = "/short?limit=100"
			}
			if name == "base_url" {
				path = strings.Replace(path, "/outer", "/inner", 1) // as something in front would have changed it
			}
			for path != "" {
				list.Next = nil
				answer, body := s.send(http.MethodGet, path, "", "Authorization", bearer)
				if err := json.Unmarshal([]byte(body), &list); err != nil || answer.StatusCode != http.StatusOK {
					t.Fatalf("%s: %d %s", path, answer.StatusCode, body)
				}
				for _, endpoint := range list.Endpoints {
					links[endpoint.Slug] = endpoint.Links.Execute
					if endpoint.Slug == "later" {
						jobs = endpoint.Links.Jobs
					}
				}
				path, _, _ = strings.Cut(strings.TrimPrefix(answer.Header.Get("Link"), "<"), ">")
			}
			if len(links) != 3 {
				t.Fatalf("the list leads to %v", links)
			}
			if answer, body := s.send(http.MethodGet, links["one"], "", "Authorization", bearer); answer.StatusCode != http.StatusOK || !strings.Contains(body, `[{"n":1}]`) {
				t.Errorf("%s: %d %s", links["one"], answer.StatusCode, body)
			}
			answer, body := s.send(http.MethodPost, links["later"], "{}", "Authorization", bearer)
			var accepted struct {
				Poll string `json:"polling_url"`
			}
			if err := json.Unmarshal([]byte(body), &accepted); err != nil || accepted.Poll != answer.Header.Get("Location") || !strings.HasPrefix(accepted.Poll, test.prefix+"/api/") {
				t.Fatalf("the job is at %q and %q: %d", answer.Header.Get("Location"), accepted.Poll, answer.StatusCode)
			}
			if answer, body := s.send(http.MethodGet, accepted.Poll, "", "Authorization", bearer, "Prefer", "wait=60"); answer.StatusCode != http.StatusOK || !strings.Contains(body, `[{"n":3},{"n":4}]`) {
				t.Errorf("%s: %d %s", accepted.Poll, answer.StatusCode, body)
			}
			// Pages of jobs, and of a result, lead to each other.
			for name, first := range map[string]string{"jobs": jobs + "?limit=1", "result": accepted.Poll + "/result?limit=1"} {
				if name == "jobs" {
					s.send(http.MethodPost, links["later"], "{}", "Authorization", bearer)
				}
				pages := 0
				for page := first; page != ""; pages++ {
					answer, body := s.send(http.MethodGet, page, "", "Authorization", bearer)
					if answer.StatusCode != http.StatusOK {
						t.Fatalf("%s: %d %s", page, answer.StatusCode, body)
					}
					page, _, _ = strings.Cut(strings.TrimPrefix(answer.Header.Get("Link"), "<"), ">")
				}
				if pages < 2 {
					t.Errorf("the %s have %d pages", name, pages)
				}
			}
			_, document := s.send(http.MethodGet, test.prefix+"/api/v1/data-api/openapi.json", "", "Authorization", bearer)
			if want := fmt.Sprintf(`"url":%q`, test.server); !strings.Contains(document, want) {
				t.Errorf("the document has not %s", want)
			}
			if name == "base_url" || name == "other rewrite" {
				return
			}
			docs, _ := s.send(http.MethodGet, test.prefix+"/docs", "")
			if page, err := docs.Location(); err != nil || page.EscapedPath() != test.prefix+"/docs/" {
				t.Errorf("the page is at %v, %v", page, err)
			}
		})
	}
}
