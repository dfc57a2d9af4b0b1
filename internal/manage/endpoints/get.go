package endpoints

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// sqlType is the media type of an endpoint's text (RFC 6922).
const sqlType = "application/sql"

// originQuery asks for the endpoint of the console where a file goes before it.
const originQuery = "origin"

// get answers with an endpoint as it is written.
func (e *endpoints) get(w http.ResponseWriter, r *http.Request) error {
	query, err := fields.ParseQuery(r, originQuery)
	if err != nil {
		return err
	}
	if err := oneOf(query, originQuery, string(catalog.OfFile), string(catalog.OfConsole)); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	address, err := authorize(r, caller, dataapi.ActionView)
	if err != nil {
		return err
	}
	asText, err := wantsText(w, r)
	if err != nil {
		return err
	}
	entry, err := e.find(address, query[originQuery] == string(catalog.OfConsole))
	if err != nil {
		return err
	}
	if query[originQuery] == string(catalog.OfFile) && entry.Origin != catalog.OfFile {
		return errNoEndpoint
	}
	return e.answer(w, http.StatusOK, caller, &entry, asText)
}

// answer sends an endpoint, as a document or as its text.
func (e *endpoints) answer(w http.ResponseWriter, status int, caller identity.Principal, entry *catalog.Entry, asText bool) error {
	text := entry.Text
	if entry.Origin == catalog.OfFile {
		read, ok := e.Catalog.ReadFile(entry.Address)
		if !ok {
			return errNoEndpoint // it was deleted just now
		}
		text = read
	}
	w.Header().Set("ETag", etagOf(entry, text))
	if asText {
		return sendText(w, text)
	}
	return respond.WriteJSON(w, status, e.documentOf(caller, entry, text))
}

func sendText(w http.ResponseWriter, text []byte) error {
	header := w.Header()
	header.Set("Content-Type", sqlType+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(text) //nolint:gosec // it is no HTML, and nosniff, which every answer has, keeps browsers from taking it for some
	return err
}

// wantsText reports whether Accept likes the text better than the document.
func wantsText(w http.ResponseWriter, r *http.Request) (bool, error) {
	w.Header().Add("Vary", "Accept")
	text, document := fields.Weigh(r.Header, sqlType), fields.Weigh(r.Header, "application/json")
	switch {
	case text.Quality <= 0 && document.Quality <= 0:
		return false, dataapi.Errorf(dataapi.CodeNotAcceptable, "An endpoint is available as application/json and %s; Accept excludes both.", sqlType)
	case text.Quality != document.Quality:
		return text.Quality > document.Quality, nil
	default:
		return text.Specificity > document.Specificity, nil
	}
}

// oneOf refuses the value of a query parameter that is not one of these.
func oneOf(query fields.Query, name string, values ...string) error {
	given, ok := query[name]
	if !ok {
		return nil
	}
	if slices.Contains(values, given) {
		return nil
	}
	return dataapi.Errorf(dataapi.CodeInvalidRequest, "%s must be one of %s; got %q.", name, dataapi.Listing(values), fields.Shorten(given))
}
