package callback

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestScheduleSpansThreeDays(t *testing.T) {
	delays := Schedule()
	var total time.Duration
	for _, delay := range delays {
		total += delay
	}
	if len(delays) != 10 || delays[0] != 0 || total < 75*time.Hour || total > 76*time.Hour {
		t.Errorf("%d tries over %v", len(delays), total)
	}
	for range 1000 {
		if got := jitter(time.Hour); got < time.Hour || got >= time.Hour+6*time.Minute {
			t.Fatalf("jitter made %v of 1h", got)
		}
	}
	if jitter(0) != 0 {
		t.Error("the first try must be made at once")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "0": 0, "-5": 0, "soon": 0, "1.5": 0,
		"99999999":                      maxRetryAfter,
		"99999999999999999999":          maxRetryAfter,
		"4294967296":                    maxRetryAfter,
		"18446744073709551615":          maxRetryAfter,
		" 120 ":                         2 * time.Minute,
		"+120":                          0,
		"Sat, 11 Apr 2026 10:45:00 GMT": 15 * time.Minute,
		"Sat, 11 Apr 2026 10:00:00 GMT": 0,
		"Fri, 11 Apr 2036 10:00:00 GMT": maxRetryAfter,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// The log's text of an error is cut between characters, and says that it was cut.
func TestErrorTextIsCutBetweenCharacters(t *testing.T) {
	for pad := range 4 {
		text := errorText(errors.New(strings.Repeat("x", pad) + strings.Repeat("日", 200)))
		if !utf8.ValidString(text) || !strings.HasSuffix(text, "日...") || len(text) > maxErrorText+3 {
			t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-8:])
		}
	}
}
