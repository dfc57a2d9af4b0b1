package respond

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/logsample"
)

// lines are what a log holds of a level.
func lines(log *bytes.Buffer, level slog.Level) (found []map[string]any) {
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["level"] == level.String() {
			found = append(found, entry)
		}
	}
	return found
}

// While a database is away every request fails, and for one reason: the log has samples, and how many there were.
func TestOutagesAreSampledInTheLog(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(0, 0)
	responder := &Responder{log: slog.New(slog.NewJSONHandler(&log, nil))}
	responder.samples = logsample.Sampler{Now: func() time.Time { return now }}
	fail := func(err error) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		responder.Fail(w, httptest.NewRequest(http.MethodPost, "/x", nil), err)
		return w
	}
	outages := []error{
		dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("connection refused by warehouse")),
		dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("connection refused by archive")),
		dataapi.Wrap(dataapi.CodeExecutionInterrupted, errors.New("deadlock")),
		dataapi.Wrap(dataapi.CodeOverloaded, errors.New("no connection of 8 came free")),
	}
	for range 1000 {
		for _, err := range outages {
			if w := fail(err); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Fatalf("the answer is %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		}
	}
	if found := lines(&log, slog.LevelWarn); len(found) != len(outages) {
		t.Errorf("of %d failures for %d reasons the log tells %d", 1000*len(outages), len(outages), len(found))
	}
	log.Reset()
	now = now.Add(time.Minute)
	fail(outages[0])
	if found := lines(&log, slog.LevelWarn); len(found) != 1 || found[0]["others_since_the_last_sample"] != 999.0 {
		t.Errorf("a minute later the log tells %v", found)
	}
	if found := lines(&log, slog.LevelError); len(found) > 0 {
		t.Errorf("what passes is an error: %v", found)
	}
}

// Faults of the server are told each time: their causes differ, and operators look for them by the request's id.
func TestFaultsOfTheServerAreNotSampled(t *testing.T) {
	var log bytes.Buffer
	responder := &Responder{log: slog.New(slog.NewJSONHandler(&log, nil))}
	for range 100 {
		responder.Fail(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/x", nil), errors.New("disk"))
	}
	if found := lines(&log, slog.LevelError); len(found) != 100 {
		t.Errorf("of 100 faults the log tells %d", len(found))
	}
}

// A value that the database refuses wakes nobody, and its caller reads nothing of the database's.
func TestRefusedValueInTheLogAndInTheAnswer(t *testing.T) {
	var log bytes.Buffer
	responder := &Responder{log: slog.New(slog.NewJSONHandler(&log, nil))}
	err := fmt.Errorf("run: %w", dataapi.Wrap(dataapi.CodeValueRefused, errors.New(`invalid input value for enum order_status: "lost"`)))
	w := httptest.NewRecorder()
	responder.Fail(w, httptest.NewRequest(http.MethodPost, "/x", nil), err)
	if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "enum") || !strings.Contains(w.Body.String(), `"code":"VALUE_REFUSED"`) {
		t.Errorf("the answer is %d %s", w.Code, w.Body)
	}
	responder.logFailure(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/x", nil), dataapi.Address{}, err, true) // half an answer is broken off
	told := lines(&log, slog.LevelInfo)
	if len(told) != 2 || !strings.Contains(fmt.Sprint(told[0]["error"]), "order_status") {
		t.Errorf("the log tells %v", told)
	}
	if found := append(lines(&log, slog.LevelError), lines(&log, slog.LevelWarn)...); len(found) > 0 {
		t.Errorf("it wakes somebody: %v", found)
	}
}
