// PREST serves tables over HTTP: the Go peer of the benchmark. It is pREST's own program but for its log of requests, since nobody else in
// the benchmark has one.
package main

import (
	"slices"

	"github.com/prest/prest/cmd"
	"github.com/prest/prest/config"
	"github.com/prest/prest/middlewares"
	"github.com/urfave/negroni/v3"
)

func main() {
	config.Load()
	middlewares.BaseStack = slices.DeleteFunc(middlewares.BaseStack, func(h negroni.Handler) bool {
		_, logs := h.(*negroni.Logger)
		return logs
	})
	cmd.Execute()
}
