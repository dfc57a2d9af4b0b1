package respond

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Routes are handlers by patterns "METHOD PATH", as those of [http.ServeMux] are.
type Routes map[string]Handler

// Mux makes a mux of routes. A path that is known with another method is answered with 405 and the methods that it has, any
// other path with 404: both as problem documents, which net/http's own answers are not. Suggest
// names what exists near an unknown path, in a sentence or more for the caller, or nothing; it may be nil.
func (h *Responder) Mux(routes Routes, suggest func(path string) string) *http.ServeMux {
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	for pattern, handler := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(pattern, &route{h, handler})
		methods[path] = append(methods[path], method)
		if method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead) // which the mux answers with the same handler
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			writeProblem(w, r, &dataapi.Error{Code: dataapi.CodeMethodNotAllowed})
		})
	}
	known := slices.Sorted(maps.Keys(methods))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, dataapi.Errorf(dataapi.CodeNotFound, "%s", lost(mux, known, r.URL.Path, suggest)))
	})
	return mux
}

// lost tells a caller that a path is unknown, and which path exists near it.
func lost(mux *http.ServeMux, known []string, path string, suggest func(string) string) string {
	nothing := dataapi.CodeNotFound.Definition().Detail
	if parent, found := strings.CutSuffix(path, "/"); found && isRoute(mux, parent) {
		return nothing + " Remove the slash at its end."
	}
	if suggest != nil {
		if sentence := suggest(path); sentence != "" {
			return sentence
		}
	}
	if near := dataapi.Nearest(path, known); near != "" && !strings.Contains(near, "{") {
		return nothing + " Did you mean " + near + "?"
	}
	return nothing
}

// isRoute reports whether there is something at a path, whatever the method.
func isRoute(mux *http.ServeMux, path string) bool {
	_, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	return pattern != "/"
}
