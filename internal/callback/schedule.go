package callback

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
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
	text := strings.TrimSpace(header.Get("Retry-After"))
	var delay time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		// As many digits as one likes are a number: one that is too large is the largest.
		delay = time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		delay = at.Sub(now)
	}
	return min(max(delay, 0), maxRetryAfter)
}
