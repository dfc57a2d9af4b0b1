package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// userRequest is the body of PUT .../users/{name}. It is all that the user is: what is left out is not kept. What a GET says beside
// that is taken too, so that a user can be read, edited and sent back.
type userRequest struct {
	DisplayName  string          `json:"display_name"`
	Active       *bool           `json:"active"`
	Policies     []string        `json:"policies"`
	ShareContext json.RawMessage `json:"share_context"`
	Subject      *string         `json:"subject"`

	Name   *string         `json:"name"`   // as in the path
	Limits *limitsDocument `json:"limits"` // files alone give some

	Origin    respond.Shown `json:"origin"`
	Path      respond.Shown `json:"path"`
	Faulty    respond.Shown `json:"faulty"`
	Actions   respond.Shown `json:"actions"`
	Keys      respond.Shown `json:"keys"`
	Revision  respond.Shown `json:"revision"`
	UpdatedAt respond.Shown `json:"updated_at"`
	UpdatedBy respond.Shown `json:"updated_by"`
}

// unheeded are faults of what a caller may think that it has changed, and has not.
func (q *userRequest) unheeded(name string) (faults []dataapi.Fault) {
	if fault := otherName(q.Name, name); fault != nil {
		faults = append(faults, *fault)
	}
	if q.Limits != nil && (q.Limits.Rate != nil || len(q.Limits.Quota) > 0 || len(q.Limits.KeyQuota) > 0) {
		faults = append(faults, dataapi.Fault{
			Parameter: "limits", Code: dataapi.CodeInvalidParameter, Detail: "cannot be set here: only users of company.yaml have limits",
		})
	}
	return faults
}

// otherName is the fault of a document whose name is not that of the path; nil: it is.
func otherName(given *string, name string) *dataapi.Fault {
	if given == nil || *given == name {
		return nil
	}
	return &dataapi.Fault{Parameter: "name", Code: dataapi.CodeInvalidParameter, Detail: "must be " + name + ", as in the path: a name cannot be changed"}
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
	kept := keptUser{
		Name: q.DisplayName, Active: q.Active == nil || *q.Active, Policies: append([]string{}, q.Policies...), ShareContext: keptContext(q.ShareContext),
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
	c, err := a.readChange(r, documents.User, "user", true)
	if err != nil {
		return err
	}
	if err := checkStored(c.company, c.name, !c.precondition.Make); err != nil {
		return err
	}
	revision, err := a.present(r, c)
	if err != nil {
		return err
	}
	kept := request.kept()
	made, err := a.checkUser(c.company, c.name, kept, request.unheeded(c.name))
	if err != nil {
		return err
	}
	if err := mayMake(c.company, c.caller, made); err != nil {
		return err
	}
	if c.name == c.caller.User.Name && !remains(c.company, c.name, kept) {
		return errOwnAccess
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	status, err := a.save(w, r, c, revision, value, saved{audit.UserCreated, audit.UserChanged, dataapi.PathUsers})
	if err != nil {
		return err
	}
	return a.answerUser(w, r, status)
}

var errOwnAccess = dataapi.Errorf(dataapi.CodeConflict,
	"This would take the permission %s from yourself: another administrator has to do that.", dataapi.ActionManageAccess)

// mayMake refuses to give a user more than the caller has, unless the user has it already.
func mayMake(company *identity.Company, caller identity.Principal, made *identity.User) error {
	would, err := identity.NewPrincipal(company, made)
	if err != nil {
		return err
	}
	beyond := caller.Beyond(would)
	if beyond == "" {
		return nil
	}
	if before := company.Users[made.Name]; before != nil {
		if has, err := identity.NewPrincipal(company, before); err == nil && has.Beyond(would) == "" {
			return nil
		}
	}
	return refuseGrant(beyond)
}

// deleteUser deletes a user, whose keys open nothing then.
func (a *access) deleteUser(w http.ResponseWriter, r *http.Request) error {
	c, err := a.readChange(r, documents.User, "user", false)
	if err != nil {
		return err
	}
	if c.name == c.caller.User.Name {
		return dataapi.Errorf(dataapi.CodeConflict, "You cannot delete your own user: another administrator has to do that.")
	}
	if err := checkStored(c.company, c.name, true); err != nil {
		return err
	}
	if err := a.remove(r, c); err != nil {
		return err
	}
	a.record(w, r, audit.UserDeleted, c.name)
	return noContent(w)
}

// checkStored reports why a user cannot be changed here: it is in a file, or there is none.
func checkStored(company *identity.Company, name string, must bool) error {
	user := company.Users[name]
	switch {
	case user == nil || user.Stored:
		return nil // whether there is one that is not in force, the store knows
	case company.Stored:
		return dataapi.Errorf(dataapi.CodeConflict, "The user %s is in the document of the company itself, and is changed there.", name)
	case !must:
		return dataapi.Errorf(dataapi.CodeConflict, "There is a user %s already, in the file %s/company.yaml.", name, company.Slug)
	default:
		return dataapi.Errorf(dataapi.CodeConflict, "The user %s is in the file %s/company.yaml, and is changed there.", name, company.Slug)
	}
}

// checkUser reports every fault of a user at once, behind those that were found before.
func (a *access) checkUser(company *identity.Company, name string, kept keptUser, faults []dataapi.Fault) (*identity.User, error) {
	fault := func(parameter, format string, args ...any) {
		faults = append(faults, dataapi.Fault{Parameter: parameter, Code: dataapi.CodeInvalidParameter, Detail: fmt.Sprintf(format, args...)})
	}
	if !dataapi.ValidSlug(name) {
		fault("name", "must be %s", dataapi.SlugRule)
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	made, messages := a.CheckUser(company.Slug, name, value)
	for _, message := range messages {
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
	if len(faults) > 0 {
		return nil, faulty("user", faults)
	}
	return made, nil
}

// faulty refuses a user or a policy with all its faults.
func faulty(word string, faults []dataapi.Fault) error {
	return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Detail: "The " + word + " has faults. The errors field lists each of them.", Faults: faults}
}

// remains reports whether an administrator would still be one.
func remains(company *identity.Company, name string, kept keptUser) bool {
	would, err := identity.NewPrincipal(company, &identity.User{Name: name, Active: kept.Active, Policies: kept.Policies})
	return err == nil && kept.Active && would.AuthorizeEverywhere(dataapi.ActionManageAccess)
}
