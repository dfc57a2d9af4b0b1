package caddymodule_test

import (
	"os"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/cmd/caddytest"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8) // there is one Caddy at a time, which may be asked several things
	os.Exit(caddytest.Run(m))
}
