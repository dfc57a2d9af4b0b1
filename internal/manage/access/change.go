package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// userRequest is the body of PUT .../users/{name}. It stands for all that the user is: what is left out is not kept.
type userRequest struct {
	DisplayName  string          `json:"display_name"`
	Active       *bool           `json:"active"`
	Policies     []string        `json:"policies"`
	ShareContext json.RawMessage `json:"share_context"`
	Subject      *string         `json:"subject"`
}

// keptUser is a user as a company.yaml has it below users.
type keptUser struct {
	Name         string          `json:"name,omitempty"`
	Active       bool            `json:"active"`
	Policies     []string        `json:"policies"`
	ShareContext json.RawMessage `json:"share_context,omitempty"`
	Subject      string          `json:"subject,omitempty"`
}

func (q *userRequest) kept() keptUser {
	kept := keptUser{Name: q.DisplayName, Active: q.Active == nil || *q.Active, Policies: append([]string{}, q.Policies...)}
	if context := string(q.ShareContext); context != "null" && context != "{}" {
		kept.ShareContext = q.ShareContext
	}
	if q.Subject != nil {
		kept.Subject = *q.Subject
	}
	return kept
}

// putUser makes a user, or changes one.
func (a *access) putUser(w http.ResponseWriter, r *http.Request) error {
	var request userRequest
	if err := respond.DecodeBody(r, &request, false); err != nil {
		return err
	}
	revision, err := precondition(r)
	if err != nil {
		return err
	}
	caller, err := a.authorizeAgain(r)
	if err != nil {
		return err
	}
	name, company := r.PathValue("name"), a.company(caller)
	if err := checkStored(company, name, revision != documents.Absent); err != nil {
		return err
	}
	kept := request.kept()
	if err := a.checkUser(company, name, kept); err != nil {
		return err
	}
	if name == caller.User.Name && !remains(company, name, kept) {
		return dataapi.Errorf(dataapi.CodeConflict,
			"This would take the permission %s from yourself: another administrator has to do that.", dataapi.ActionManageAccess)
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	action := "changed"
	if revision == documents.Absent {
		action = "created"
	}
	if err := a.write(r, caller, documents.Write{Value: value, If: revision, Stamp: documents.Stamp{Action: action}}); err != nil {
		return err
	}
	if action == "created" {
		a.record(w, r, audit.UserCreated, name)
		w.Header().Set("Location", dataapi.PathUsers+"/"+name)
		return a.answerUser(w, r, http.StatusCreated)
	}
	a.record(w, r, audit.UserChanged, name)
	return a.answerUser(w, r, http.StatusOK)
}

// deleteUser deletes a user, whose keys open nothing then.
func (a *access) deleteUser(w http.ResponseWriter, r *http.Request) error {
	revision, err := precondition(r)
	if err != nil {
		return err
	}
	if revision == documents.Absent {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "If-None-Match: * is for what is to be made. Send If-Match with the user's ETag.")
	}
	caller, err := a.authorizeAgain(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if name == caller.User.Name {
		return dataapi.Errorf(dataapi.CodeConflict, "One cannot delete oneself: another administrator has to do that.")
	}
	if err := checkStored(a.company(caller), name, true); err != nil {
		return err
	}
	if err := a.write(r, caller, documents.Write{Delete: true, If: revision, Stamp: documents.Stamp{Action: "deleted"}}); err != nil {
		return err
	}
	a.record(w, r, audit.UserDeleted, name)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// precondition reads which revision a change is of; [documents.Absent]: there must be none yet.
func precondition(r *http.Request) (revision int64, err error) {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	switch {
	case match != "" && none != "", match == "" && none == "":
		return 0, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"Say what is to be changed: If-Match with the ETag that you have read, or If-None-Match: * to make what is not there yet.")
	case none == "*":
		return documents.Absent, nil
	case none != "":
		return 0, dataapi.Errorf(dataapi.CodeInvalidRequest, "If-None-Match must be * here.")
	case match == "*":
		return documents.Whatever, nil
	}
	text, err := strconv.Unquote(match)
	if err == nil {
		revision, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil || revision < 1 {
		return 0, errStale // it is no ETag of this user
	}
	return revision, nil
}

var errStale = dataapi.Errorf(dataapi.CodePreconditionFailed, "The user has been changed since you have read it. Read it again, and decide anew.")

// checkStored reports why a user cannot be changed here: it stands in a file, or there is none.
func checkStored(company *identity.Company, name string, must bool) error {
	user := company.Users[name]
	switch {
	case user == nil || user.Stored:
		return nil // whether there is one that is not in force, the store knows
	case company.Stored:
		return dataapi.Errorf(dataapi.CodeConflict, "The user %s stands in the document of the company itself, and is changed there.", name)
	case !must:
		return dataapi.Errorf(dataapi.CodeConflict, "There is a user %s already, in the file %s/company.yaml.", name, company.Slug)
	default:
		return dataapi.Errorf(dataapi.CodeConflict, "The user %s stands in the file %s/company.yaml, and is changed there.", name, company.Slug)
	}
}

// checkUser reports every fault of a user at once.
func (a *access) checkUser(company *identity.Company, name string, kept keptUser) error {
	if a.CheckUser == nil {
		return dataapi.Errorf(dataapi.CodeConflict, "Users are made in files here.")
	}
	var faults []dataapi.Fault
	fault := func(parameter, format string, args ...any) {
		faults = append(faults, dataapi.Fault{Parameter: parameter, Code: dataapi.CodeInvalidParameter, Detail: fmt.Sprintf(format, args...)})
	}
	if !dataapi.ValidSlug(name) {
		fault("name", "must be %s", dataapi.SlugRule)
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	for _, message := range a.CheckUser(company.Slug, name, value) {
		message = strings.TrimPrefix(message, "users."+name+".")
		parameter := "share_context"
		for _, field := range []string{"policies", "share_context", "subject", "name", "active"} {
			if rest, found := strings.CutPrefix(message, field); found && !strings.ContainsAny(rest[:min(1, len(rest))], "abcdefghijklmnopqrstuvwxyz") {
				parameter = field
				break
			}
		}
		if parameter == "name" {
			parameter = "display_name"
		}
		fault(parameter, "%s", message)
	}
	if len(faults) == 0 {
		return nil
	}
	return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Detail: "The user has faults. The errors field lists each of them.", Faults: faults}
}

// remains reports whether an administrator would still be one.
func remains(company *identity.Company, name string, kept keptUser) bool {
	would, err := identity.NewPrincipal(company, &identity.User{Name: name, Active: kept.Active, Policies: kept.Policies})
	return err == nil && kept.Active && would.AuthorizeEverywhere(dataapi.ActionManageAccess)
}

// write writes the user that the path names.
func (a *access) write(r *http.Request, caller identity.Principal, w documents.Write) error {
	w.Kind, w.Key = documents.User, caller.Company.Slug+"/"+r.PathValue("name")
	w.Author = caller.Company.Slug + "/" + caller.User.Name
	_, err := a.Documents.Put(r.Context(), w)
	conflict, _ := errors.AsType[*documents.ConflictError](err)
	switch {
	case w.Delete && conflict != nil && (conflict.Current.Revision == 0 || conflict.Current.Deleted):
		return errNoUser
	case errors.Is(err, documents.ErrNotFound):
		return errNoUser
	case errors.Is(err, documents.ErrConflict):
		if w.If == documents.Absent {
			return dataapi.Errorf(dataapi.CodePreconditionFailed, "There is a user of this name already.")
		}
		return errStale
	case errors.Is(err, documents.ErrInvalid):
		return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Detail: "The user is too large to be kept.", Err: err}
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	// The answer says what is in force. The change is kept, so that a catalog which takes long is not waited for.
	select {
	case <-a.Catalog.Refresh(caller.Company.Slug):
	case <-time.After(inForce):
	}
	return nil
}

// inForce is how long a change is waited for to come into force.
const inForce = 2 * time.Second
