package cors

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	rscors "github.com/rs/cors"
)

// anyOrigin stands for all origins.
const anyOrigin = "*"

// MaxAge bounds how long browsers may be told to keep what a preflight has said. They have bounds of their own: two hours in
// Chromium, 24 hours in Firefox.
const MaxAge = 24 * time.Hour

// DefaultMaxAge is how long they are told when nothing is said.
const DefaultMaxAge = time.Hour

// Policy says which pages may call. It is safe for concurrent use.
type Policy struct{ inner *rscors.Cors }

// New makes a policy of the origins whose pages may call, and of how long browsers keep what a preflight has said, from 0 to
// [MaxAge]. Origins are as [CheckOrigin] wants them.
func New(origins []string, maxAge time.Duration) *Policy {
	seconds := int(maxAge / time.Second)
	if seconds == 0 {
		seconds = -1 // or nothing would be said, and browsers would take a time of their own
	}
	return &Policy{rscors.New(rscors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete},
		AllowedHeaders: []string{"*"}, // a header that means nothing is ignored, and no other header has a meaning for anybody else
		// Every field that an answer has, those of later versions and of other handlers too.
		ExposedHeaders:       []string{"*"},
		MaxAge:               seconds,
		OptionsSuccessStatus: http.StatusNoContent,
	})}
}

// IsPreflight reports whether a browser asks whether a page may send a request.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// Apply sets the fields of the answer, and answers a preflight whole, which it reports.
func (p *Policy) Apply(w http.ResponseWriter, r *http.Request) (answered bool) {
	if r.Method == http.MethodOptions && !IsPreflight(r) {
		return false
	}
	p.inner.HandlerFunc(w, r)
	return r.Method == http.MethodOptions
}

// CheckOrigin reports what is wrong with an origin: it is a scheme, a host and at most a port, as browsers write them, or
// [anyOrigin].
func CheckOrigin(origin string) error {
	if origin == anyOrigin {
		return nil
	}
	parsed, err := url.Parse(origin)
	switch {
	case err != nil || parsed.Scheme == "" || parsed.Host == "" || parsed.Hostname() == "":
	case parsed.Scheme+"://"+parsed.Host != origin:
		if strings.HasPrefix(origin, parsed.Scheme+"://"+parsed.Host+"/") {
			return fmt.Errorf("origin %q must end after the host: browsers send %q", origin, parsed.Scheme+"://"+parsed.Host)
		}
	case origin != strings.ToLower(origin):
		return fmt.Errorf("origin %q must be in lower case, as browsers send it", origin)
	case parsed.Scheme == "https" && parsed.Port() == "443", parsed.Scheme == "http" && parsed.Port() == "80":
		return fmt.Errorf("origin %q must have no port, since browsers leave out the one that the scheme has by itself", origin)
	case !strings.Contains(parsed.Host, "*"):
		return nil
	}
	return fmt.Errorf("origin %q must be a scheme, a host and at most a port, such as https://app.example or http://localhost:5173, or * alone", origin)
}

// Check reports what is wrong with the settings of a policy.
func Check(origins []string, maxAge time.Duration) error {
	var faults []error
	if len(origins) == 0 {
		faults = append(faults, errors.New("cors needs origins, such as `origins https://app.example`"))
	}
	for _, origin := range origins {
		if err := CheckOrigin(origin); err != nil {
			faults = append(faults, fmt.Errorf("cors: %w", err))
		}
	}
	if slices.Contains(origins, anyOrigin) && len(origins) > 1 {
		faults = append(faults, errors.New("cors: origin * is all there are: leave the others out"))
	}
	if maxAge < 0 || maxAge > MaxAge {
		faults = append(faults, fmt.Errorf("cors: max_age is %s: it must be from 0s to %s", maxAge, MaxAge))
	}
	return errors.Join(faults...)
}
