package echo

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sourcetest"
)

// TestConformance runs the suite that every source passes.
func TestConformance(t *testing.T) {
	echo, echoArray := map[source.ParamType]string{}, map[source.ParamType]string{}
	for _, kind := range source.ParamTypes() {
		echo[kind], echoArray[kind] = "SELECT @p AS v", "SELECT each(@p) AS v"
	}
	sourcetest.Run(t, sourcetest.Database{
		Open: func(_ *testing.T, maxConns int) source.Source {
			return open("hello", maxConns, slog.New(slog.DiscardHandler))
		},
		Dialect:   dialect{},
		Count:     "SELECT series(@n) AS n",
		Echo:      echo,
		EchoArray: echoArray,
		Empty:     "SELECT nothing() AS a",
		Duplicate: "SELECT nothing() AS a, nothing() AS a",
		Misspelt:  "SELECT nothing() AS a, nosuch() AS b",
		Endless:   "SELECT endless() AS n",
		Fails:     "SELECT fail() AS n",
		Reads:     "SELECT json(@p) AS v",
	})
}

// TestOptions reads what follows `source NAME` in a Caddyfile.
func TestOptions(t *testing.T) {
	for text, want := range map[string]string{
		"echo":                               `"hello" 8`,
		`echo "good day"`:                    `"good day" 8`,
		"echo hey {\n\tmax_conns 2\n}":       `"hey" 2`,
		"echo {\n\tmax_conns 1001\n}":        "between 1 and 1000",
		"echo {\n\tmax_conns -1\n}":          "between 1 and 1000",
		"echo {\n\tmax_conns many\n}":        "needs a number",
		"echo {\n\tmax_conns\n}":             "wrong argument count",
		"echo {\n\tmax_cons 2\n}":            "unknown option",
		"echo a b":                           "wrong argument count",
		"echo {env.DATA_API_ECHO_NOT_THERE}": "placeholder",
	} {
		module := new(Echo)
		err := module.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
		if err == nil {
			err = module.Provision(caddy.Context{})
		}
		if err == nil {
			err = module.Validate()
		}
		got := module.SourceKey()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
