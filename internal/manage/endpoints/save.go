package endpoints

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

const (
	// maxMessage bounds why an endpoint was changed, in bytes.
	maxMessage = 500

	// maxStored bounds how many endpoints a company has in the store.
	maxStored = 5000

	// liveWithin is how long an answer waits until what was saved is live on this server.
	liveWithin = 3 * time.Second
)

// putRequest is the body of PUT as JSON.
type putRequest struct {
	Text    string `json:"text"`
	Message string `json:"message"`
}

// change is a change of an endpoint of the console on its way.
type change struct {
	w       http.ResponseWriter
	r       *http.Request
	caller  identity.Principal
	address dataapi.Address
	current documents.Document // without a revision: there is none
	of      fields.Precondition
	message string
	action  string // of the document
}

// put makes or changes an endpoint.
func (e *endpoints) put(w http.ResponseWriter, r *http.Request) error {
	query, err := fields.ParseQuery(r, "message")
	if err != nil {
		return err
	}
	text, message, err := readText(r)
	if err != nil {
		return err
	}
	if given, ok := query["message"]; ok {
		message = given
	}
	c, err := e.begin(w, r, true)
	if err != nil {
		return err
	}
	c.message, c.action = message, "saved"
	if c.current.Revision == 0 || c.current.Deleted {
		c.action = "created"
	}
	return e.save(c, text)
}

// readText reads the text of an endpoint, as it is or in JSON.
func readText(r *http.Request) (text, message string, err error) {
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != sqlType {
		var request putRequest
		if err := respond.DecodeBody(r, &request, false); err != nil {
			if dataapi.HasCode(err, dataapi.CodeUnsupportedMediaType) {
				err = dataapi.Errorf(dataapi.CodeUnsupportedMediaType, "Send the text with Content-Type: %s, or in JSON as {\"text\": ...} with "+
					"Content-Type: application/json, and without Content-Encoding.", sqlType)
			}
			return "", "", err
		}
		return request.Text, request.Message, nil
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", "", dataapi.Errorf(dataapi.CodeUnsupportedMediaType, "Send the text in UTF-8; got charset %q.", fields.Shorten(charset))
	}
	body, err := respond.ReadText(r)
	return string(body), "", err
}

// begin finds out who changes what, when the body has arrived, and whether the preconditions hold. needed: there has to be one.
func (e *endpoints) begin(w http.ResponseWriter, r *http.Request, needed bool) (*change, error) {
	caller, err := e.Renew(respond.CallerOf(r))
	if err != nil {
		return nil, err
	}
	c := &change{w: w, r: r, caller: caller}
	if c.address, err = authorize(r, caller, dataapi.ActionEdit); err != nil {
		return nil, err
	}
	if err := e.limit(w, caller, "changes", changeLimit); err != nil {
		return nil, err
	}
	if c.of, err = fields.ReadPrecondition(r, needed); err != nil {
		return nil, err
	}
	c.current, err = e.present(r.Context(), c.address)
	if err != nil {
		return nil, err
	}
	return c, e.precondition(c)
}

// present is what there is in the store, a deletion too; without a revision: nothing.
func (e *endpoints) present(ctx context.Context, address dataapi.Address) (documents.Document, error) {
	found, err := e.Documents.GetDocument(ctx, documents.Endpoint, address.String())
	if errors.Is(err, documents.ErrNotFound) {
		revisions, err := e.Documents.DocumentRevisions(ctx, documents.Endpoint, address.String(), 0, 1)
		if err != nil || len(revisions) == 0 {
			return documents.Document{}, storeError(err)
		}
		return revisions[0], nil
	}
	return found, storeError(err)
}

// precondition holds what there is against what the caller has seen.
func (e *endpoints) precondition(c *change) error {
	there := c.current.Revision > 0 && !c.current.Deleted
	if file, err := e.find(c.address, false); err == nil && file.Origin == catalog.OfFile && !there {
		return dataapi.Errorf(dataapi.CodeConflict, "The file %s of the catalog is served at this address, and is changed there.", file.Below)
	}
	switch {
	case c.of.Holds(there, versionTag(c.current.Revision, c.current.Value)):
		if !there && !c.of.Given() {
			return errNoEndpoint
		}
		return nil
	case c.of.Make:
		return c.stale("There is an endpoint at this address already.")
	case !there:
		return c.stale("The endpoint has been deleted, or there never was one.")
	}
	return c.stale("The endpoint has been changed since you have read it.")
}

// stale tells a caller that there is something else than it has seen, and what.
func (c *change) stale(words string) error {
	var current any
	if c.current.Revision > 0 && !c.current.Deleted {
		_, author, _ := strings.Cut(c.current.Author, "/")
		current = map[string]any{
			"version": c.current.Revision, "revision": document.Revision(c.current.Value), "author": author, "updated_at": c.current.At,
		}
	}
	return &dataapi.Error{Code: dataapi.CodePreconditionFailed, Detail: words, Members: map[string]any{"current": current}}
}

// save keeps a text that has passed the publish check, and answers with the endpoint as it is then.
func (e *endpoints) save(c *change, text string) error {
	if len(c.message) > maxMessage {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "message has at most %d bytes; got %d.", maxMessage, len(c.message))
	}
	if err := checkSize(text); err != nil {
		return err
	}
	status, made := http.StatusOK, c.current.Revision == 0 || c.current.Deleted
	if made {
		if status = http.StatusCreated; e.stored(c.address.Company) >= maxStored {
			return dataapi.Errorf(dataapi.CodeConflict, "Your company has %d endpoints in the console already, which is the most.", maxStored)
		}
	}
	draft, err := e.Drafts.Check(c.r.Context(), c.address, []byte(text))
	if len(draft.Faults) > 0 {
		return execution.Refusal(text, draft.Faults)
	}
	if err != nil {
		return err
	}
	if made || text != string(c.current.Value) {
		if err := e.keep(c, documents.Write{Value: []byte(text)}); err != nil {
			return err
		}
		action := audit.EndpointChanged
		if made {
			action = audit.EndpointCreated
			c.w.Header().Set("Location", c.address.URLPath())
		}
		e.record(c.w, c.r, c.caller, action, c.address, draft.Endpoint.Revision)
	}
	entry, err := e.find(c.address, true)
	if err != nil {
		return err
	}
	return e.answer(c.w, status, c.caller, &entry, false)
}

// checkSize refuses a text that the store would not take.
func checkSize(text string) error {
	if len(text) > documents.MaxValue {
		return dataapi.Errorf(dataapi.CodeRequestTooLarge, "The text of an endpoint has at most %d bytes.", documents.MaxValue)
	}
	return nil
}

// stored counts the endpoints of a company in the store.
func (e *endpoints) stored(company string) (count int) {
	for _, entry := range e.Catalog.Entries(company) {
		if entry.Origin == catalog.OfConsole {
			count++
		}
	}
	return count
}

// keep writes what was checked, unless somebody has written meanwhile, and waits until it is live on this server.
func (e *endpoints) keep(c *change, w documents.Write) error {
	caller, err := e.Renew(c.caller) // the check may have taken its time
	if err == nil {
		err = caller.Require(dataapi.ActionEdit, c.address.Path())
	}
	if err != nil {
		return err
	}
	w.Kind, w.Key, w.If = documents.Endpoint, c.address.String(), c.current.Revision
	if c.current.Deleted {
		w.If = documents.Absent
	}
	w.Author, w.Action, w.Note = c.caller.Company.Slug+"/"+c.caller.User.Name, c.action, c.message
	written, err := e.Documents.Put(c.r.Context(), w)
	if conflict, ok := errors.AsType[*documents.ConflictError](err); ok {
		c.current = conflict.Current
		if now, err := e.present(c.r.Context(), c.address); err == nil {
			c.current = now
		}
		return c.stale("The endpoint has been changed since you have read it.")
	}
	if err != nil {
		return storeError(err)
	}
	c.current = written
	live, cancel := context.WithTimeout(c.r.Context(), liveWithin)
	defer cancel()
	select {
	case <-e.Catalog.Settled(c.address.Company): // the store has told the catalog
	case <-live.Done(): // it will be, as on other servers
	}
	return nil
}

// storeError is what a caller is told of a store that cannot do what it is asked.
func storeError(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, documents.ErrInvalid):
		return &dataapi.Error{Code: dataapi.CodeInvalidRequest, Detail: fmt.Sprint("The endpoint cannot be stored: ", err, "."), Err: err}
	}
	return dataapi.Wrap(dataapi.CodeOverloaded, err)
}

// delete deletes an endpoint. Its revisions stay, for a while.
func (e *endpoints) delete(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	c, err := e.begin(w, r, true)
	if err != nil {
		return err
	}
	if err := c.of.OfExisting(); err != nil {
		return err
	}
	revision := document.Revision(c.current.Value)
	c.action = "deleted"
	if err := e.keep(c, documents.Write{Delete: true}); err != nil {
		return err
	}
	e.record(w, r, c.caller, audit.EndpointDeleted, c.address, revision)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (e *endpoints) activate(w http.ResponseWriter, r *http.Request) error {
	return e.turn(w, r, true)
}

func (e *endpoints) deactivate(w http.ResponseWriter, r *http.Request) error {
	return e.turn(w, r, false)
}

// turn switches an endpoint on or off, which is a change of its text like any other.
func (e *endpoints) turn(w http.ResponseWriter, r *http.Request, active bool) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	if err := respond.DecodeBody(r, &struct{}{}, true); err != nil {
		return err
	}
	c, err := e.begin(w, r, false)
	if err != nil {
		return err
	}
	if err := c.of.OfExisting(); err != nil {
		return err
	}
	text, ok := document.SetActive(c.current.Value, active)
	if !ok {
		return dataapi.Errorf(dataapi.CodeConflict, "The text of the endpoint cannot be read far enough to switch it; set active in its front matter.")
	}
	if c.action = "deactivated"; active {
		c.action = "activated"
	}
	return e.turned(c, text, active)
}

// turned saves a text that was switched. Switching off takes access away, and so waits for no check.
func (e *endpoints) turned(c *change, text []byte, active bool) error {
	if active || string(text) == string(c.current.Value) {
		return e.save(c, string(text))
	}
	if err := e.keep(c, documents.Write{Value: text}); err != nil {
		return err
	}
	e.record(c.w, c.r, c.caller, audit.EndpointChanged, c.address, document.Revision(text))
	entry, err := e.find(c.address, true)
	if err != nil {
		return err
	}
	return e.answer(c.w, http.StatusOK, c.caller, &entry, false)
}
