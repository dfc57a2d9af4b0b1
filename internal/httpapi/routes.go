package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// routes makes a mux of patterns "METHOD PATH". A path that is known with another method is answered with 405 and the
// methods that it has, any other path with 404: both as problem documents, which net/http's own answers are not.
func (h *responder) routes(handlers map[string]handler) *http.ServeMux {
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	for pattern, handler := range handlers {
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
		writeProblem(w, r, dataapi.Errorf(dataapi.CodeNotFound, "%s", besides(mux, known, r.URL.Path)))
	})
	return mux
}

// besides says of a path at which there is nothing what there is beside it. It looks at the path alone: whether a company
// has such an endpoint or job is not told.
func besides(mux *http.ServeMux, known []string, path string) string {
	nothing := dataapi.CodeNotFound.Definition().Detail
	parent, last := cutLast(path)
	name, format, suffixed := strings.Cut(last, ".")
	depth := strings.Count(strings.TrimPrefix(path, dataapi.PathEndpoints), "/")
	switch below := strings.HasPrefix(path, dataapi.PathEndpoints+"/"); {
	case last == "" && isRoute(mux, parent):
		return nothing + " There is without the slash at its end."
	case below && depth == 3 && suffixed && name == "execute":
		return noSuffix(format, "An endpoint answers", "execute", formats.Streamed)
	case below && depth == 5 && suffixed && name == "result":
		return noSuffix(format, "A job's result can be had", "result", formats.All)
	case below && (depth == 2 || depth == 3):
		return nothing + " Below an endpoint are execute and jobs."
	case below && depth == 5:
		return nothing + " Below a job is result."
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

// cutLast divides a path at its last slash.
func cutLast(path string) (parent, last string) {
	at := strings.LastIndexByte(path, '/')
	return path[:max(0, at)], path[at+1:]
}

// noSuffix lists the suffixes that there are.
func noSuffix(asked, sentence, name string, offered []*result.Format) string {
	paths := make([]string, len(offered))
	for i, format := range offered {
		paths[i] = name + "." + format.Suffix
	}
	sentence += " as " + dataapi.Listing(paths) + "."
	if format := formats.WithSuffix(asked); format != nil && format.JobsOnly {
		return forJobs(format) + " " + sentence
	}
	return fmt.Sprintf("There is no format %q here. ", fields.Shorten(asked)) + sentence
}
