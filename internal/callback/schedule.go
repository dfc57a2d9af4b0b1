package callback

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Schedule returns the delays before each try: the Standard Webhooks specification's own, some 75 hours in all.
// The first follows the job's end, each other one the try before it. The slice is the caller's own.
func Schedule() []time.Duration {
	return []time.Duration{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
		14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// maxRetryAfter bounds how far a receiver can put off the next try.
const maxRetryAfter = 24 * time.Hour

// jitter adds up to a tenth, so that deliveries that failed together do not come back together.
func jitter(delay time.Duration) time.Duration {
	if delay < 10 {
		return delay
	}
	return delay + rand.N(delay/10) //nolint:gosec // nothing depends on it being unpredictable
}

// retryAfter reads a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3); 0: there is none that counts.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	var delay time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		delay = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		delay = at.Sub(now)
	}
	return min(max(delay, 0), maxRetryAfter)
}
