package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// routes makes a mux of patterns "METHOD PATH". A path that is known with another method is answered with 405 and the
// methods that it has, any other path with 404: both as problem documents, which net/http's own answers are not.
func routes(handlers map[string]http.HandlerFunc) *http.ServeMux {
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	for pattern, handler := range handlers {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(pattern, handler)
		methods[path] = append(methods[path], method)
		if method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead) // which the mux answers with the same handler
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			writeProblem(w, &dataapi.Error{Code: dataapi.CodeMethodNotAllowed})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, &dataapi.Error{Code: dataapi.CodeNotFound})
	})
	return mux
}
