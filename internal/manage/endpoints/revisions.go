package endpoints

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
)

// revisionDocument is one version of an endpoint.
type revisionDocument struct {
	Version  int64     `json:"version"`
	Revision *string   `json:"revision"` // hash of the text; null: the endpoint was deleted
	Action   string    `json:"action"`
	Author   *string   `json:"author"` // null: an operator
	Message  string    `json:"message"`
	SavedAt  time.Time `json:"saved_at"`
	Current  bool      `json:"current"`
}

type revisionWithText struct {
	revisionDocument
	Text *string `json:"text"` // null: the endpoint was deleted
}

type revisionsAnswer struct {
	Revisions  []revisionDocument `json:"revisions"`
	NextCursor *string            `json:"next_cursor"` // null on the last page
}

func describeRevision(d *documents.Document, newest int64) revisionDocument {
	described := revisionDocument{Version: d.Revision, Action: d.Action, Message: d.Note, SavedAt: d.At, Current: d.Revision == newest && !d.Deleted}
	if _, author, ok := strings.Cut(d.Author, "/"); ok {
		described.Author = &author
	}
	switch {
	case d.Deleted:
	case d.Value != nil:
		described.Revision = new(document.Revision(d.Value))
	default:
		described.Revision = new(document.RevisionOf(d.Digest))
	}
	return described
}

// revisions lists the versions of an endpoint, newest first, those of one that was deleted too.
func (e *endpoints) revisions(w http.ResponseWriter, r *http.Request) error {
	query, err := fields.ParseQuery(r, "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := query.Number("limit", defaultPage, maxPage)
	if err != nil {
		return err
	}
	before := int64(0)
	if cursor, ok := query["cursor"]; ok {
		if before, err = strconv.ParseInt(cursor, 10, 64); err != nil || before < 1 {
			return fields.ErrCursor(err)
		}
	}
	address, err := authorize(r, respond.CallerOf(r), dataapi.ActionView)
	if err != nil {
		return err
	}
	newest, err := e.present(r.Context(), address)
	if err != nil {
		return err
	}
	if newest.Revision == 0 {
		if _, err := e.find(address, false); err != nil {
			return err
		}
	}
	found, err := e.Documents.DocumentRevisions(r.Context(), documents.Endpoint, address.String(), before, limit+1)
	if err != nil {
		return storeError(err)
	}
	answer := revisionsAnswer{Revisions: []revisionDocument{}}
	for i := range found {
		if i == limit {
			cursor := strconv.FormatInt(found[i-1].Revision, 10)
			answer.NextCursor = &cursor
			query.SetNext(w, r, cursor, limit)
			break
		}
		answer.Revisions = append(answer.Revisions, describeRevision(&found[i], newest.Revision))
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// revision answers with one version and its text.
func (e *endpoints) revision(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	address, err := authorize(r, respond.CallerOf(r), dataapi.ActionView)
	if err != nil {
		return err
	}
	asText, err := wantsText(w, r)
	if err != nil {
		return err
	}
	found, err := e.version(r, address)
	if err != nil {
		return err
	}
	if asText {
		if found.Deleted {
			return errNoRevision
		}
		return sendText(w, found.Value)
	}
	newest, err := e.present(r.Context(), address)
	if err != nil {
		return err
	}
	answer := revisionWithText{revisionDocument: describeRevision(&found, newest.Revision)}
	if !found.Deleted {
		answer.Text = new(string(found.Value))
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

var errNoRevision = dataapi.Errorf(dataapi.CodeRevisionNotFound, "The endpoint does not have this version, or does not keep it any more.")

// version returns the version that the request names.
func (e *endpoints) version(r *http.Request, address dataapi.Address) (documents.Document, error) {
	number, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil || number < 1 {
		return documents.Document{}, errNoRevision
	}
	found, err := e.Documents.DocumentRevision(r.Context(), documents.Endpoint, address.String(), number)
	if errors.Is(err, documents.ErrNotFound) {
		return documents.Document{}, errNoRevision
	}
	return found, storeError(err)
}

// restoreRequest is the body of POST .../restore.
type restoreRequest struct {
	Message string `json:"message"`
}

// restore makes a new version of the text of an older one.
func (e *endpoints) restore(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	var request restoreRequest
	if err := respond.DecodeBody(r, &request, true); err != nil {
		return err
	}
	c, err := e.begin(w, r, true)
	if err != nil {
		return err
	}
	found, err := e.version(r, c.address)
	if err != nil {
		return err
	}
	if found.Deleted {
		return dataapi.Errorf(dataapi.CodeConflict, "Version %d is a deletion, and has no text to restore.", found.Revision)
	}
	c.message, c.action = request.Message, "restored"
	if c.message == "" {
		c.message = "Version " + strconv.FormatInt(found.Revision, 10)
	}
	return e.save(c, string(found.Value))
}
