package access

import (
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
)

// secretDocument says whether a user has a secret, and not which.
type secretDocument struct {
	User          string     `json:"user"`
	State         string     `json:"state"` // none, unshown, shown
	PreviousUntil *time.Time `json:"previous_until"`
}

// secretState answers with the state of the secret that a user's callbacks are signed with.
func (a *access) secretState(w http.ResponseWriter, r *http.Request) error {
	user, err := a.findUser(r)
	if err != nil {
		return err
	}
	state, err := a.Dispatcher.SecretState(r.Context(), respond.CallerOf(r).Company.Slug, user.Name)
	if err != nil {
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	document := secretDocument{User: user.Name, State: "none", PreviousUntil: respond.TimeOrNull(state.PreviousUntil)}
	switch {
	case state.Shown:
		document.State = "shown"
	case state.Made:
		document.State = "unshown"
	}
	return respond.WriteJSON(w, http.StatusOK, document)
}

// shownSecret holds a secret, which is shown once.
type shownSecret struct {
	User   string `json:"user"`
	Secret string `json:"callback_secret"`
}

// showSecret shows the secret, which it makes when there is none, once.
func (a *access) showSecret(w http.ResponseWriter, r *http.Request) error {
	if err := respond.DecodeBody(r, &struct{}{}, true); err != nil {
		return err
	}
	caller, err := a.authorizeAgain(r)
	if err != nil {
		return err
	}
	user, err := a.findUser(r)
	if err != nil {
		return err
	}
	secret, err := a.Dispatcher.Secret(r.Context(), caller.Company.Slug, user.Name)
	if errors.Is(err, callback.ErrShown) {
		return dataapi.Errorf(dataapi.CodeConflict, "The secret was shown when it was made, and is not shown again. Rotate it to get a new one.")
	}
	if err != nil {
		return unlessKnown(err)
	}
	a.record(w, r, audit.CallbackSecretShown, user.Name)
	return respond.WriteJSON(w, http.StatusOK, shownSecret{user.Name, secret})
}

// rotateSecret makes a new secret, and lets the old one sign beside it for the time of the overlap.
func (a *access) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	var request struct {
		Overlap string `json:"overlap"`
	}
	if err := respond.DecodeBody(r, &request, true); err != nil {
		return err
	}
	overlap, err := parseOverlap(request.Overlap)
	if err != nil {
		return err
	}
	caller, err := a.authorizeAgain(r)
	if err != nil {
		return err
	}
	user, err := a.findUser(r)
	if err != nil {
		return err
	}
	secret, err := a.Dispatcher.RotateSecret(r.Context(), caller.Company.Slug, user.Name, overlap)
	if err != nil {
		return wrongField(err)
	}
	a.record(w, r, audit.CallbackSecretRotated, user.Name)
	return respond.WriteJSON(w, http.StatusOK, shownSecret{user.Name, secret})
}
