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
