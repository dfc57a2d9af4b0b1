package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listed is an endpoint as GET /api/v1/data-api shows it.
type listed struct {
	Namespace  string          `json:"namespace"`
	Slug       string          `json:"slug"`
	SharedBy   *string         `json:"shared_by"`
	Parameters json.RawMessage `json:"parameters"`
	Pinned     []string        `json:"pinned"`
	Columns    []struct {
		Name, Type string
		Nullable   bool
	} `json:"columns"`
	Links struct{ Execute, Jobs string } `json:"links"`
}

func (l listed) path() string { return l.Namespace + "/" + l.Slug }

// listEndpoints walks all pages.
func (s *server) listEndpoints(token string, limit int) []listed {
	s.T.Helper()
	var all []listed
	for cursor := ""; ; {
		var page struct {
			Endpoints []listed `json:"endpoints"`
			Next      *string  `json:"next_cursor"`
		}
		s.Get(fmt.Sprintf("/api/v1/data-api?limit=%d&cursor=%s", limit, cursor), token).Want(http.StatusOK).Decode(&page)
		if len(page.Endpoints) > limit {
			s.T.Fatalf("a page of %d holds %d", limit, len(page.Endpoints))
		}
		all = append(all, page.Endpoints...)
		if page.Next == nil {
			return all
		}
		cursor = *page.Next
	}
}

// Every endpoint that is listed can be run, and none that can be run is missing.
func TestListHoldsWhatItsCallerMayRun(t *testing.T) {
	t.Parallel()
	s := demoServer(t)
	files, err := filepath.Glob("../../examples/catalog/*/*/*.sql")
	if err != nil || len(files) != 6 {
		t.Fatalf("the demo has %q, %v", files, err)
	}
	for user, want := range map[string]string{
		"acme/integration":     "default/relatorio-mensal default/vendas-por-regiao housing/by-city housing/by-year housing/moving-average housing/top-markets",
		"acme/housing-reader":  "housing/by-city housing/by-year housing/moving-average housing/top-markets",
		"globex/analytics":     "housing/by-city housing/moving-average",
		"globex/austin-office": "housing/by-city housing/moving-average",
	} {
		company, name, _ := strings.Cut(user, "/")
		token := s.Login(company, name).Access
		list := s.listEndpoints(token, 100)
		var paths []string
		for _, endpoint := range list {
			paths = append(paths, endpoint.path())
			if (endpoint.SharedBy != nil) != (company == "globex") || len(endpoint.Columns) == 0 || endpoint.Links.Execute == "" ||
				(endpoint.Links.Jobs == "") != (name == "housing-reader") {
				t.Errorf("%s: %+v", user, endpoint)
			}
		}
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("%s sees %s, want %s", user, got, want)
		}
		if paged := s.listEndpoints(token, 1); !slices.EqualFunc(paged, list, func(a, b listed) bool { return a.path() == b.path() }) {
			t.Errorf("%s: pages of one hold %+v", user, paged)
		}
		for _, file := range files {
			path := strings.TrimSuffix(strings.Join(strings.Split(filepath.ToSlash(file), "/")[5:], "/"), ".sql")
			got := s.Post("/api/v1/data-api/"+path+"/execute", token, `{"parameter_values":{"no_such_parameter":1}}`)
			if runs := got.Status == http.StatusUnprocessableEntity; runs != slices.Contains(paths, path) {
				t.Errorf("%s at %s: %d, and listed are %s", user, path, got.Status, paths)
			}
		}
	}

	// What is pinned is shown as such, and runs without being given.
	austin := s.Login("globex", "austin-office").Access
	byCity := s.listEndpoints(austin, 10)[0]
	if !strings.Contains(string(byCity.Parameters), `"type":"string","default":"Austin","examples":["Austin"],"const":"Austin"}`) || !slices.Equal(byCity.Pinned, []string{"city"}) ||
		*byCity.SharedBy != "acme" {
		t.Errorf("the pinned city: %s, %q", byCity.Parameters, byCity.Pinned)
	}
	s.Post(byCity.Links.Execute, austin, `{"parameter_values":{}}`).Want(http.StatusOK)
	var permissions struct {
		ShareContext    json.RawMessage `json:"share_context"`
		SharedEndpoints json.RawMessage `json:"shared_endpoints"`
	}
	s.Get("/api/v1/auth/permissions", austin).Want(http.StatusOK).Decode(&permissions)
	if got := string(permissions.ShareContext); got != `{"city":{"allowed":["Austin"]}}` {
		t.Error(got)
	}
	cities := `{"city":{"allowed":["Austin","Dallas","Houston"]}`
	if got := string(permissions.SharedEndpoints); got != `[{"endpoint":"housing/by-city","shared_by":"acme","share_context":`+cities+`}},`+
		`{"endpoint":"housing/moving-average","shared_by":"acme","share_context":`+cities+`,"months":{"minimum":6,"maximum":24}}}]` {
		t.Error(got)
	}
	for query, code := range map[string]string{"?limit=0": "INVALID_REQUEST", "?cursor=%21": "INVALID_REQUEST", "?page=2": "INVALID_REQUEST"} {
		s.Get("/api/v1/data-api"+query, austin).Problem(http.StatusBadRequest, code)
	}
}

// A share context that leaves a parameter nothing takes the endpoint out of the list: no call of it can succeed.
func TestListLeavesOutWhatNothingIsAllowedOf(t *testing.T) {
	t.Parallel()
	s := demoServer(t)
	company, err := os.ReadFile("../../examples/catalog/globex/company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.WriteCatalog("globex/company.yaml", strings.Replace(string(company), "city: Austin", "city: [Dallas, Waco]\n      months: [12, 36]", 1))
	s.Reload()
	token := s.Login("globex", "austin-office").Access
	list := s.listEndpoints(token, 10)
	if len(list) != 2 || !strings.Contains(string(list[1].Parameters), `"type":"string","default":"Dallas","const":"Dallas"}`) ||
		!slices.Equal(list[1].Pinned, []string{"city", "months"}) {
		t.Errorf("%+v", list)
	}
	s.WriteCatalog("globex/company.yaml", strings.Replace(string(company), "city: Austin", "months: [36]", 1))
	s.Reload()
	token = s.Login("globex", "austin-office").Access
	if list := s.listEndpoints(token, 10); len(list) != 1 || list[0].path() != "housing/by-city" {
		t.Errorf("%+v", list)
	}
	s.Post("/api/v1/data-api/housing/moving-average/execute", token, `{"parameter_values":{"city":"Austin"}}`).Problem(http.StatusUnprocessableEntity, "PARAMETER_NOT_ALLOWED")
}
