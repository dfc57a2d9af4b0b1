package caddymodule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// TestOptionsOfAnOpenStore: a reload leaves the store open as it was opened, and says which options it has not taken up.
func TestOptionsOfAnOpenStore(t *testing.T) {
	s := run(t)
	dsn := pgtest.New(t).AdminDSN
	with := settings{catalog: catalogOf(t, map[string]string{"say": sayOne})}
	for _, test := range []struct{ name, options, want string }{
		{"first", ``, ""},
		{"changed", `, "max_conns": 8, "stale": "5s"`, `"options":["max_conns","stale"]`},
		{"defaults", `, "max_conns": 16, "stale": "30s", "poll_only": false`, ""},
		{"password", `, "dsn": "` + dsn + ` password=geheim"`, `"options":["dsn"]`},
	} {
		with.name, with.shared = test.name, fmt.Sprintf(`{"store": "postgres", "dsn": %q%s}`, dsn, test.options)
		s.mustLoad(with)
		log := s.logOf(test.name + ".log")
		if told := strings.Contains(log, "the store stays open as it was opened"); told != (test.want != "") || !strings.Contains(log, test.want) {
			t.Errorf("%s: the log has\n%s\nwant %q", test.name, log, test.want)
		}
		if strings.Contains(log, "geheim") {
			t.Error("the log has a password")
		}
	}
}
