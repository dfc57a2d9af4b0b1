package respond

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// WriteJSON answers with a document that fits in memory and must not be stored by caches.
func WriteJSON(w http.ResponseWriter, status int, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	body = append(body, '\n')
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}

// TimeOrNull is a time as documents show it: in UTC, and null when it is zero.
func TimeOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return new(at.UTC())
}
