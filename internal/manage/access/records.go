package access

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// record is a user or a policy that the store keeps.
type record struct {
	kind documents.Kind
	word string // for callers
	key  string
}

// none says that there is no such record.
func (d record) none() error {
	return dataapi.Errorf(dataapi.CodeNotFound, "The company has no such %s.", d.word)
}

// taken says that there is one where none was expected.
func (d record) taken() error {
	return dataapi.Errorf(dataapi.CodePreconditionFailed, "There is a %s of this name already.", d.word)
}

// stale says that there is another than the caller has seen.
func (d record) stale() error {
	return dataapi.Errorf(dataapi.CodePreconditionFailed, "The %s has been changed since you have read it. Read it again, and decide again.", d.word)
}

// tagOf is the ETag of a record at a revision.
func tagOf(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

// stored are the records of a kind that the store keeps of a company, by name.
func (a *access) stored(r *http.Request, kind documents.Kind, company *identity.Company) (map[string]documents.Document, error) {
	kept, err := a.Documents.All(r.Context(), kind, company.Slug+"/")
	if err != nil {
		return nil, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	byName := make(map[string]documents.Document, len(kept))
	for _, document := range kept {
		byName[strings.TrimPrefix(document.Key, company.Slug+"/")] = document
	}
	return byName, nil
}

// namesOf are the names of what is in force and of what is stored, in order, each once.
func namesOf[T any](inForce map[string]T, kept map[string]documents.Document) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(inForce)), maps.Keys(kept))
	slices.Sort(names)
	return slices.Compact(names)
}

// stamp says who has made a record what it is, and when; all of it is null where the store keeps none.
type stamp struct {
	Revision  *string    `json:"revision"`
	UpdatedAt *time.Time `json:"updated_at"`
	UpdatedBy *string    `json:"updated_by"`
}

func stampOf(kept *documents.Document) (s stamp) {
	if kept.Revision == 0 {
		return s
	}
	s.Revision, s.UpdatedAt = new(strconv.FormatInt(kept.Revision, 10)), respond.TimeOrNull(kept.At)
	if _, author, found := strings.Cut(kept.Author, "/"); found {
		s.UpdatedBy = &author
	}
	return s
}

// writeRecord answers with a record that is described so.
func writeRecord(w http.ResponseWriter, status int, described any, of stamp) error {
	if of.Revision != nil {
		w.Header().Set("ETag", strconv.Quote(*of.Revision))
	}
	return respond.WriteJSON(w, status, described)
}

// change is a request to change the record that its path names.
type change struct {
	record
	name         string
	company      *identity.Company // as it is now
	caller       identity.Principal
	precondition fields.Precondition
}

// readChange reads what a request is to change, and authorizes its caller once more. One that makes nothing is only for what is there.
func (a *access) readChange(r *http.Request, kind documents.Kind, word string, makes bool) (c change, err error) {
	if c.precondition, err = fields.ReadPrecondition(r, true); err != nil {
		return c, err
	}
	if !makes {
		if err := c.precondition.OfExisting(); err != nil {
			return c, err
		}
	}
	if c.caller, err = a.authorizeAgain(r); err != nil {
		return c, err
	}
	c.name, c.company = r.PathValue("name"), a.company(c.caller)
	c.record = record{kind, word, c.company.Slug + "/" + c.name}
	return c, nil
}

// save writes the record again at the revision of which the precondition holds, and keeps in the audit log whether it was made or changed. It
// returns the status to answer with.
func (a *access) save(w http.ResponseWriter, r *http.Request, c change, revision int64, value []byte, events saved) (status int, err error) {
	action, event, status := "changed", events.changed, http.StatusOK
	if revision == documents.Absent {
		action, event, status = "created", events.created, http.StatusCreated
	}
	err = a.write(r, c.caller, c.record, documents.Write{Value: value, If: revision, Stamp: documents.Stamp{Action: action}})
	if err != nil {
		return 0, err
	}
	if status == http.StatusCreated {
		w.Header().Set("Location", fields.BaseOf(r).Path+events.path+"/"+c.name)
	}
	a.record(w, r, event, c.name)
	return status, nil
}

// saved says how the audit log calls what was saved, and below which path what was made is found.
type saved struct {
	created, changed audit.Action
	path             string
}

// present returns the revision of a record of which the precondition holds; [documents.Absent]: there is none, as there should be.
func (a *access) present(r *http.Request, c change) (revision int64, err error) {
	found, err := a.Documents.GetDocument(r.Context(), c.kind, c.key)
	if err != nil && !errors.Is(err, documents.ErrNotFound) {
		return 0, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	there := err == nil
	switch {
	case c.precondition.Holds(there, tagOf(found.Revision)):
		return found.Revision, nil
	case c.precondition.Make:
		return 0, c.taken()
	case !there:
		return 0, dataapi.Errorf(dataapi.CodePreconditionFailed, "The %s has been deleted, or there never was one.", c.word)
	}
	return 0, c.stale()
}

// remove deletes a record of which the precondition holds.
func (a *access) remove(r *http.Request, c change) error {
	found, err := a.Documents.GetDocument(r.Context(), c.kind, c.key)
	switch {
	case errors.Is(err, documents.ErrNotFound):
		return c.none()
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	case !c.precondition.Holds(true, tagOf(found.Revision)):
		return c.stale()
	}
	return a.write(r, c.caller, c.record, documents.Write{Delete: true, If: found.Revision, Stamp: documents.Stamp{Action: "deleted"}})
}

// write writes a record, unless somebody has written meanwhile, and waits a moment until it is in force.
func (a *access) write(r *http.Request, caller identity.Principal, d record, w documents.Write) error {
	w.Kind, w.Key, w.Author = d.kind, d.key, caller.Company.Slug+"/"+caller.User.Name
	_, err := a.Documents.Put(r.Context(), w)
	switch {
	case errors.Is(err, documents.ErrNotFound):
		return d.none()
	case errors.Is(err, documents.ErrConflict) && w.If == documents.Absent:
		return d.taken()
	case errors.Is(err, documents.ErrConflict):
		return d.stale()
	case errors.Is(err, documents.ErrInvalid):
		return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Detail: "The " + d.word + " is too large to be kept.", Err: err}
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	// The answer says what is in force. The change is stored, so that a catalog which takes long is not waited for.
	select {
	case <-a.Catalog.Settled(caller.Company.Slug): // the store has told the catalog
	case <-time.After(inForce):
	}
	return nil
}

// inForce is how long a change is waited for to come into force.
const inForce = 10 * time.Second

// noContent answers that something is gone.
func noContent(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
