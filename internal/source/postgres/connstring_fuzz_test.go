package postgres

import (
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/connstring"
)

// Whatever a string holds, it is read or refused, and no refusal shows the password. Each setting is sent once, and those
// that decide how values are written are the source's.
func FuzzConnectionString(f *testing.F) {
	for _, rest := range []string{
		"", "schema=a", "options='-c DateStyle=German'", "hostaddr=::1", "host=a,,b port=1,,2", "sslmode=verify-full", `options=\`, "timezone=UTC",
		"TIMEZONE=x", "load_balance_hosts=random", "keepalives_idle=9223372036854775807", "host=/tmp hostaddr=1.2.3.4", "=", "'", "role=a",
	} {
		f.Add(rest)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		if strings.Contains(rest, "service") || strings.Contains(rest, "ssl") { // they read files
			return
		}
		const password = "cGFzc3dvcmQ"
		for _, dsn := range []string{"password=" + password + " " + rest, "postgres://u:" + password + "@h/db?" + rest} {
			target, err := newTarget(Config{DSN: dsn, ConnectTimeout: DefaultConnectTimeout})
			if err != nil {
				if strings.Contains(err.Error(), password) {
					t.Errorf("%q: %v", dsn, err)
				}
				continue
			}
			seen := make(map[string]bool)
			for name, value := range target.Connect.RuntimeParams {
				lower := strings.ToLower(name)
				if seen[lower] || connstring.FixedSettings[lower] != "" && !strings.EqualFold(value, connstring.FixedSettings[lower]) {
					t.Errorf("%q: %s is sent twice, or as %q", dsn, name, value)
				}
				seen[lower] = true
			}
			if len(connstring.Places(target.Attempt())) == 0 {
				t.Errorf("%q: no host", dsn)
			}
		}
	})
}
