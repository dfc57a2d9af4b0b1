package servertest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Answer is what a request got.
type Answer struct {
	T      testing.TB
	Status int
	Header http.Header
	Body   []byte

	Trailer http.Header
}

// Want checks the status.
func (a Answer) Want(status int) Answer {
	a.T.Helper()
	if a.Status != status {
		a.T.Fatalf("got %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// Text is the body without the id of its request, by which problem documents of the same kind differ.
func (a Answer) Text() string { return string(requestID.ReplaceAll(a.Body, nil)) }

var requestID = regexp.MustCompile(`,"request_id":"[^"]*"`)

// Decode reads the JSON of the body.
func (a Answer) Decode(target any) {
	a.T.Helper()
	if err := json.Unmarshal(a.Body, target); err != nil {
		a.T.Fatalf("%v in %s", err, a.Body)
	}
}

// Problem checks that the answer is this error.
func (a Answer) Problem(status int, code string) Answer {
	a.T.Helper()
	var problem struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	a.Want(status)
	if contentType := a.Header.Get("Content-Type"); contentType != "application/problem+json" {
		a.T.Fatalf("a %d of type %q: %s", a.Status, contentType, a.Body)
	}
	a.Decode(&problem)
	if problem.Status != status || problem.Code != code || problem.Detail == "" {
		a.T.Fatalf("want %d %s, got %s", status, code, a.Body)
	}
	if a.Header.Get("X-Request-Id") == "" {
		a.T.Fatal("an answer without X-Request-Id")
	}
	return a
}

// Applied checks what the answer says of the request's preferences.
func (a Answer) Applied(want string) Answer {
	a.T.Helper()
	if got := strings.Join(a.Header.Values("Preference-Applied"), ", "); got != want {
		a.T.Errorf("Preference-Applied is %q, want %q", got, want)
	}
	return a
}

// Job reads the address of the job from a 202.
func (a Answer) Job() (pollingURL string) {
	a.T.Helper()
	var accepted struct {
		ID         string `json:"job_id"`
		PollingURL string `json:"polling_url"`
	}
	a.Want(http.StatusAccepted).Decode(&accepted)
	if accepted.PollingURL == "" || a.Header.Get("Location") != accepted.PollingURL || a.Header.Get("Retry-After") == "" ||
		!strings.HasSuffix(accepted.PollingURL, "/jobs/"+accepted.ID) {
		a.T.Fatalf("a 202 with %v: %s", a.Header, a.Body)
	}
	return accepted.PollingURL
}

// NextLink returns the target of rel="next"; empty: there is none.
func (a Answer) NextLink() string {
	a.T.Helper()
	link := a.Header.Get("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(link, `>; rel="next"`)
	if !ok || target[0] != '<' {
		a.T.Fatalf("Link is %q", link)
	}
	return target[1:]
}

// Limited checks that the answer is a 429 that says when to come back.
func (a Answer) Limited() {
	a.T.Helper()
	a.Problem(http.StatusTooManyRequests, "RATE_LIMITED")
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 {
		a.T.Fatalf("a 429 with Retry-After %q", a.Header.Get("Retry-After"))
	}
}
