package docs_test

import (
	"os"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/cmd/caddytest"
)

func TestMain(m *testing.M) { os.Exit(caddytest.Run(m)) }
