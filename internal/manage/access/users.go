package access

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/quota"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// userDocument describes a user to those who administer it.
type userDocument struct {
	Name         string                                 `json:"name"`
	DisplayName  string                                 `json:"display_name"`
	Active       bool                                   `json:"active"`
	Origin       string                                 `json:"origin"` // file, store
	Path         *string                                `json:"path"`   // of the file, below the catalog
	Faulty       bool                                   `json:"faulty"` // it is described, and not in force
	Subject      *string                                `json:"subject"`
	Policies     []string                               `json:"policies"`
	Actions      []identity.EffectiveAction             `json:"actions"`
	ShareContext map[string]identity.ConstraintDocument `json:"share_context"`
	Limits       limitsDocument                         `json:"limits"`
	Keys         keySummary                             `json:"keys"`
	stamp
}

// limitsDocument are a user's limits as files write them.
type limitsDocument struct {
	Rate     *string  `json:"rate"`
	Quota    []string `json:"quota"`
	KeyQuota []string `json:"key_quota"`
}

// keySummary is what a list of users says of their keys.
type keySummary struct {
	Active       int        `json:"active"`
	LastUsedAt   *time.Time `json:"last_used_at"`
	NextExpiryAt *time.Time `json:"next_expiry_at"`
}

// people are the users of a company, and what is stored of them.
type people struct {
	company *identity.Company
	stored  map[string]documents.Document
	keys    map[string]keySummary
}

func (a *access) people(r *http.Request, company *identity.Company) (people, error) {
	p := people{company: company, keys: make(map[string]keySummary)}
	var err error
	if p.stored, err = a.stored(r, documents.User, company); err != nil {
		return p, err
	}
	keys, err := a.Keys.List(r.Context(), company.Slug)
	if err != nil {
		return p, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	now := time.Now()
	for i := range keys {
		p.keys[keys[i].User] = p.keys[keys[i].User].with(&keys[i], now)
	}
	return p, nil
}

// with is the summary with a key more.
func (s keySummary) with(key *identity.Key, now time.Time) keySummary {
	if used := key.LastUsedAt; !used.IsZero() && (s.LastUsedAt == nil || used.After(*s.LastUsedAt)) {
		s.LastUsedAt = respond.TimeOrNull(used)
	}
	if key.State(now) != identity.KeyActive {
		return s
	}
	s.Active++
	if expires := key.ExpiresAt; !expires.IsZero() && (s.NextExpiryAt == nil || expires.Before(*s.NextExpiryAt)) {
		s.NextExpiryAt = respond.TimeOrNull(expires)
	}
	return s
}

// names are those of all users, the ones that are stored and not in force included.
func (p *people) names() []string { return namesOf(p.company.Users, p.stored) }

// describe describes a user; false: there is none of the name.
func (p *people) describe(name string) (userDocument, bool) {
	user, document := p.company.Users[name], p.stored[name]
	if user == nil {
		if document.Revision == 0 {
			return userDocument{}, false
		}
		user = readUser(name, document.Value)
	}
	refused := user.Refused || user.Stored && !user.Active && document.Revision != 0 && readUser(name, document.Value).Active
	if refused { // what is written of it says otherwise, and of a stored one is what can be sent back
		kept := *user
		kept.Active = true
		user = &kept
	}
	d := describeUser(p.company, user)
	d.Keys = p.keys[name]
	d.Faulty = p.company.Users[name] == nil || refused
	if !user.Stored {
		d.Origin = "file"
		if !p.company.Stored {
			d.Path = new(p.company.Slug + "/company.yaml")
		}
		return d, true
	}
	d.Origin, d.stamp = "store", stampOf(&document)
	return d, true
}

// describeUser describes a user of a file or of the store.
func describeUser(company *identity.Company, user *identity.User) userDocument {
	d := userDocument{
		Name: user.Name, DisplayName: user.DisplayName, Active: user.Active, Policies: append([]string{}, user.Policies...),
		ShareContext: identity.DescribeContext(user.ShareContext), Actions: []identity.EffectiveAction{},
		Limits: limitsDocument{Quota: quotaTexts(user.Quota), KeyQuota: quotaTexts(user.KeyQuota)},
	}
	if user.Subject != "" {
		d.Subject = &user.Subject
	}
	if user.Rate != ratelimit.Unlimited {
		d.Limits.Rate = new(user.Rate.String())
	}
	if principal, err := identity.NewPrincipal(company, user); err == nil {
		d.Actions = principal.Actions()
	}
	return d
}

func quotaTexts(limits []quota.Limit) []string {
	texts := make([]string, len(limits))
	for i, limit := range limits {
		texts[i] = limit.String()
	}
	return texts
}

// listUsers answers with the company's users, by name.
func (a *access) listUsers(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	query, err := fields.ParseQuery(r, "state", "q", "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := query.Number("limit", defaultPage, maxPage)
	if err != nil {
		return err
	}
	state := query["state"]
	if state != "" && state != "active" && state != "inactive" {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no state %q%s", fields.Shorten(state),
			dataapi.Beside(state, []string{"active", "inactive"}))
	}
	all, err := a.people(r, a.company(caller))
	if err != nil {
		return err
	}
	answer := struct {
		Users []userDocument `json:"users"`
		Next  *string        `json:"next_cursor"`
	}{Users: []userDocument{}}
	for _, name := range all.names() {
		if name <= query["cursor"] && query["cursor"] != "" {
			continue
		}
		described, ok := all.describe(name)
		if !ok || state != "" && described.Active != (state == "active") || !described.mentions(query["q"]) {
			continue
		}
		if len(answer.Users) == limit {
			answer.Next = &answer.Users[limit-1].Name
			query.SetNext(w, r, *answer.Next, limit)
			break
		}
		answer.Users = append(answer.Users, described)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// mentions reports whether a text is in the user's names or policies, whatever its case.
func (d *userDocument) mentions(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(append([]string{d.Name, d.DisplayName}, d.Policies...), func(of string) bool {
		return strings.Contains(strings.ToLower(of), text)
	})
}

// getUser answers with one user.
func (a *access) getUser(w http.ResponseWriter, r *http.Request) error {
	return a.answerUser(w, r, http.StatusOK)
}

// answerUser answers with the user that the path names, as it is now.
func (a *access) answerUser(w http.ResponseWriter, r *http.Request, status int) error {
	all, err := a.people(r, a.company(respond.CallerOf(r)))
	if err != nil {
		return err
	}
	described, ok := all.describe(r.PathValue("name"))
	if !ok {
		return errNoUser
	}
	return writeRecord(w, status, described, described.stamp)
}

var errNoUser = record{word: "user"}.none()

// readUser reads what is stored of a user that is not in force, as far as it can be read.
func readUser(name string, value []byte) *identity.User {
	var kept struct {
		Name         string          `json:"name"`
		Active       *bool           `json:"active"`
		Policies     []string        `json:"policies"`
		ShareContext json.RawMessage `json:"share_context"`
		Subject      string          `json:"subject"`
	}
	_ = json.Unmarshal(value, &kept) // what cannot be read is left out
	return &identity.User{
		Name: name, DisplayName: cmp.Or(kept.Name, name), Active: kept.Active == nil || *kept.Active, Policies: kept.Policies, Stored: true,
		ShareContext: readContext(kept.ShareContext), Subject: kept.Subject,
	}
}
