package respond

import (
	"net/http"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// parsed reads a field with a reference implementation of structured fields.
func parsed(t *testing.T, header http.Header, field, policy, parameter string) int64 {
	t.Helper()
	list, err := httpsfv.UnmarshalList(header.Values(field))
	if err != nil {
		t.Fatalf("%s %q: %v", field, header.Values(field), err)
	}
	for _, member := range list {
		item, ok := member.(httpsfv.Item)
		if !ok || item.Value != policy {
			continue
		}
		value, ok := item.Params.Get(parameter)
		if number, isInteger := value.(int64); ok && isInteger {
			return number
		}
	}
	t.Fatalf("%s %q has no integer %s of the policy %q", field, header.Values(field), parameter, policy)
	return 0
}

func TestRateLimitFields(t *testing.T) {
	header := make(http.Header)
	key := ratelimit.Limit{Count: 100, Period: time.Minute, Burst: 20}
	if err := Limited(header, keyPolicy, key, ratelimit.State{OK: true, Remaining: 19, Full: 600 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	endpoint := ratelimit.Limit{Count: 5, Period: time.Hour, Burst: 5}
	err := Limited(header, "endpoint", endpoint, ratelimit.State{Retry: 700500 * time.Millisecond, Full: time.Hour})
	if failure := dataapi.AsError(err); failure.Code != dataapi.CodeRateLimited || failure.RetryAfter != 700500*time.Millisecond {
		t.Errorf("the refusal is %+v", failure)
	}
	for _, test := range []struct {
		field, policy, parameter string
		want                     int64
	}{
		{"RateLimit-Policy", "key", "q", 100}, {"RateLimit-Policy", "key", "w", 60},
		{"RateLimit-Policy", "endpoint", "q", 5}, {"RateLimit-Policy", "endpoint", "w", 3600},
		{"RateLimit", "key", "r", 19}, {"RateLimit", "key", "t", 1},
		{"RateLimit", "endpoint", "r", 0}, {"RateLimit", "endpoint", "t", 701},
	} {
		if got := parsed(t, header, test.field, test.policy, test.parameter); got != test.want {
			t.Errorf("%s of %s in %s is %d, want %d", test.parameter, test.policy, test.field, got, test.want)
		}
	}
	const line = `"key";r=19;t=1, "endpoint";r=0;t=701`
	if got := header.Get("RateLimit"); got != line {
		t.Errorf("RateLimit: %s, want %s", got, line)
	}
}
