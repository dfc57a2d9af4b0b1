package access

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

const (
	defaultPage = 50
	maxPage     = 200
)

// keyDocument describes a key.
type keyDocument struct {
	ID          string            `json:"api_key"`
	User        string            `json:"user"`
	Name        string            `json:"name"`
	State       identity.KeyState `json:"state"`
	CreatedAt   time.Time         `json:"created_at"`
	ExpiresAt   *time.Time        `json:"expires_at"`
	RevokedAt   *time.Time        `json:"revoked_at"`
	Successor   *string           `json:"successor"`
	LastUsedAt  *time.Time        `json:"last_used_at"`
	UserMissing bool              `json:"user_missing"` // there is no such user any more: the key opens nothing
	Current     bool              `json:"current"`      // the caller's own
}

// newKey is keyDocument with the only copy of the secret.
type newKey struct {
	keyDocument
	Secret  string       `json:"api_secret"`
	Rotated *keyDocument `json:"rotated,omitempty"`
}

func (a *access) describeKey(caller identity.Principal, key identity.Key) keyDocument {
	document := keyDocument{
		ID: key.ID, User: key.User, Name: key.Name, State: key.State(time.Now()), CreatedAt: key.CreatedAt, ExpiresAt: respond.TimeOrNull(key.ExpiresAt),
		RevokedAt: respond.TimeOrNull(key.RevokedAt), LastUsedAt: respond.TimeOrNull(key.LastUsedAt),
		UserMissing: a.company(caller).Users[key.User] == nil, Current: key.ID == caller.KeyID,
	}
	if key.Successor != "" {
		document.Successor = &key.Successor
	}
	return document
}

// listKeys answers with the keys of the company, newest first.
func (a *access) listKeys(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	query, err := fields.ParseQuery(r, "user", "state", "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := query.Number("limit", defaultPage, maxPage)
	if err != nil {
		return err
	}
	states := []string{string(identity.KeyActive), string(identity.KeyExpired), string(identity.KeyRevoked)}
	if state := query["state"]; state != "" && !slices.Contains(states, state) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no state %q%s", fields.Shorten(state), dataapi.Beside(state, states))
	}
	keys, err := a.Keys.List(r.Context(), caller.Company.Slug)
	if err != nil {
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	slices.Reverse(keys)
	if cursor := query["cursor"]; cursor != "" {
		at := slices.IndexFunc(keys, func(key identity.Key) bool { return key.ID == cursor })
		if at < 0 {
			return fields.ErrCursor(nil)
		}
		keys = keys[at+1:]
	}
	answer := struct {
		Keys []keyDocument `json:"keys"`
		Next *string       `json:"next_cursor"`
	}{Keys: []keyDocument{}}
	now := time.Now()
	for i := range keys {
		key := &keys[i]
		state := key.State(now)
		if query["user"] != "" && key.User != query["user"] || query["state"] != "" && string(state) != query["state"] ||
			query["state"] == "" && key.OfSession() && state != identity.KeyActive { // what was a session's is nobody's concern any more
			continue
		}
		if len(answer.Keys) == limit {
			answer.Next = &answer.Keys[limit-1].ID
			query.SetNext(w, r, *answer.Next, limit)
			break
		}
		answer.Keys = append(answer.Keys, a.describeKey(caller, *key))
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

type newKeyRequest struct {
	User      string     `json:"user"`
	Name      string     `json:"name"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// createKey makes a key, and shows its secret.
func (a *access) createKey(w http.ResponseWriter, r *http.Request) error {
	var request newKeyRequest
	if err := respond.DecodeBody(r, &request, false); err != nil {
		return err
	}
	caller, err := a.authorizeAgain(r)
	if err != nil {
		return err
	}
	if identity.SessionKeyName(request.Name) {
		return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Faults: []dataapi.Fault{{
			Parameter: "name", Code: dataapi.CodeInvalidParameter, Detail: "is the label of keys that sessions have; choose another",
		}}}
	}
	if err := a.mayActFor(caller, request.User); err != nil {
		return err
	}
	key, secret, err := a.Directory.CreateKey(r.Context(), identity.NewKey{
		Company: caller.Company.Slug, User: request.User, Name: request.Name, ExpiresAt: orZero(request.ExpiresAt),
	})
	if err != nil {
		return wrongField(err)
	}
	a.record(w, r, audit.KeyCreated, key.ID)
	w.Header().Set("Location", fields.BaseOf(r).Path+dataapi.PathKeys+"/"+key.ID)
	return respond.WriteJSON(w, http.StatusCreated, newKey{keyDocument: a.describeKey(caller, key), Secret: secret})
}

func orZero(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

// wrongField makes of what the domain refuses an answer of its own: the request can be read, and a field of it is wrong.
func wrongField(err error) error {
	if refused := dataapi.AsError(err); refused.Code == dataapi.CodeInvalidRequest {
		return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Detail: refused.Detail}
	}
	return unlessKnown(err)
}

// unlessKnown makes of a store that cannot be asked what the caller is told: to come again.
func unlessKnown(err error) error {
	if known := dataapi.AsError(err); known.Code != dataapi.CodeInternal || known == err { //nolint:errorlint // AsError returns what it has found
		return err
	}
	return dataapi.Wrap(dataapi.CodeOverloaded, err)
}

// findKey returns the key that the path names, when it is one of the company's.
func (a *access) findKey(r *http.Request) (identity.Key, error) {
	keys, err := a.Keys.List(r.Context(), respond.CallerOf(r).Company.Slug)
	if err != nil {
		return identity.Key{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	for i := range keys {
		if keys[i].ID == r.PathValue("api_key") {
			return keys[i], nil
		}
	}
	return identity.Key{}, dataapi.Errorf(dataapi.CodeNotFound, "The company has no such API key.")
}

type rotateRequest struct {
	Overlap   string     `json:"overlap"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// rotateKey makes the successor of a key, and shows its secret.
func (a *access) rotateKey(w http.ResponseWriter, r *http.Request) error {
	var request rotateRequest
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
	key, err := a.findKey(r)
	if err != nil {
		return err
	}
	if err := a.mayActFor(caller, key.User); err != nil {
		return err
	}
	rotation, err := a.Directory.RotateKey(r.Context(), key.ID, overlap, orZero(request.ExpiresAt))
	if err != nil {
		return wrongField(err)
	}
	event := respond.EventBy(caller, audit.KeyRotated)
	event.Subject = rotation.New.ID
	a.Record(w, r, event)
	rotated := a.describeKey(caller, rotation.Old)
	w.Header().Set("Location", fields.BaseOf(r).Path+dataapi.PathKeys+"/"+rotation.New.ID)
	return respond.WriteJSON(w, http.StatusCreated, newKey{keyDocument: a.describeKey(caller, rotation.New), Secret: rotation.Secret, Rotated: &rotated})
}

// parseOverlap reads the field overlap, and says what is wrong with it as of a field.
func parseOverlap(text string) (time.Duration, error) {
	overlap, err := dataapi.ParseOverlap(text)
	if err != nil {
		return 0, &dataapi.Error{Code: dataapi.CodeInvalidParameter, Faults: []dataapi.Fault{{
			Parameter: "overlap", Code: dataapi.CodeInvalidParameter, Detail: "must be a duration such as 24h; got " + strconv.Quote(fields.Shorten(text)),
		}}}
	}
	return overlap, nil
}

// revokeKey ends a key, the caller's own if it likes.
func (a *access) revokeKey(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.authorizeAgain(r)
	if err != nil {
		return err
	}
	key, err := a.findKey(r)
	if err != nil {
		return err
	}
	own := key.ID == caller.KeyID
	revoked, changed, err := a.Keys.Revoke(r.Context(), key.ID)
	if err != nil {
		return unlessKnown(err)
	}
	if changed {
		a.record(w, r, audit.KeyRevoked, key.ID)
	}
	if own { // the answer would be refused: this caller is nobody any more
		respond.AnswerOf(w).ToAnyone()
	}
	return respond.WriteJSON(w, http.StatusOK, a.describeKey(caller, revoked))
}
