package identity

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Directory answers who a caller is and what it may do, for one configuration: the companies and users of that
// configuration's catalog, and the keys of its store. Each configuration has its own Directory over the shared [Keys],
// so that after a reload a request in flight still sees the companies that it began with, while a revoked key is
// revoked for all. It is safe for concurrent use; checks take no lock and do no I/O.
type Directory struct {
	keys      *Keys
	companies atomic.Pointer[companyIndex]
	dummyKey  *cachedKey // takes the place of an unknown key, so that it costs the same work

	trusting map[string]bool // the companies whose users trusted issuers may identify
}

// companyIndex holds the compiled companies of one moment, by slug. It is immutable.
type companyIndex map[string]*compiledCompany

// compiledCompany is a company with what is found out about its users once, and not for each request.
type compiledCompany struct {
	company  *Company
	users    map[string]*Principal // without a key
	subjects map[string]*Principal // by what trusted issuers call the users
}

// EndsWithSession reports whether a key was made for a session: what is bound to it does not outlive that. It does not block.
func (d *Directory) EndsWithSession(id string) bool {
	held := d.keys.find(id)
	return held != nil && held.OfSession()
}

// EndSessionKey ends a key that was made for a session, which has ended. Another key, or none, stays as it is.
func (d *Directory) EndSessionKey(ctx context.Context, id string) (ended bool, err error) {
	cached := d.keys.find(id)
	if cached == nil || !cached.OfSession() || !cached.RevokedAt.IsZero() {
		return false, nil
	}
	_, ended, err = d.keys.Revoke(ctx, id)
	return ended, err
}

// NewDirectory makes a directory that knows no company yet: it refuses every caller until [Directory.SetCompanies].
func NewDirectory(keys *Keys) *Directory {
	directory := &Directory{keys: keys, dummyKey: newCachedKey(Key{ID: newKeyID()})}
	directory.dummyKey.SecretMAC = secretMAC(keys.pepper, directory.dummyKey.ID, newSecret())
	directory.companies.Store(&companyIndex{})
	return directory
}

// SetCompanies replaces the companies, by slug. They belong to the directory from then on and must not change. When a
// user has a policy that does not exist, or a policy is at fault, it returns every such fault and the companies stay as
// they were. Requests that are under way keep the principal that they have.
func (d *Directory) SetCompanies(companies map[string]*Company) error {
	compiled := make(companyIndex, len(companies))
	before := *d.companies.Load()
	var faults []error
	for slug, company := range companies {
		if known := before[slug]; known != nil && known.company == company { // a company is immutable
			compiled[slug] = known
			continue
		}
		entry, err := compileCompany(company)
		if err != nil {
			faults = append(faults, fmt.Errorf("company %s: %w", slug, err))
		}
		compiled[slug] = entry
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	d.companies.Store(&compiled)
	return nil
}

// compileCompany returns the company all the same when there are faults.
func compileCompany(company *Company) (*compiledCompany, error) {
	entry := &compiledCompany{company: company, users: make(map[string]*Principal, len(company.Users))}
	var faults []error
	for name := range company.Policies {
		if ManagedPolicy(name) {
			faults = append(faults, fmt.Errorf("policy %s: a managed policy has this name; choose another", name))
		}
	}
	for name, user := range company.Users {
		granted, err := compile(company, user)
		if err != nil {
			faults = append(faults, err)
		}
		entry.users[name] = &Principal{Company: company, User: user, permissions: granted}
	}
	return entry, errors.Join(errors.Join(faults...), entry.indexSubjects())
}

// HasUser reports whether the catalog has a user: a key outlives its user's removal, and works again when the user comes
// back.
func (d *Directory) HasUser(company, user string) bool {
	entry := (*d.companies.Load())[company]
	return entry != nil && entry.users[user] != nil
}

// The causes of a refusal. They are for the log: a caller sees one answer for all of them.
var (
	errMalformed       = errors.New("the API key or secret is malformed")
	errUnknownKey      = errors.New("there is no such API key")
	errUnknownCompany  = errors.New("there is no such company")
	errForeignKey      = errors.New("the API key belongs to another company or user")
	errWrongSecret     = errors.New("the API secret is wrong")
	errKeyRevoked      = errors.New("the API key is revoked")
	errKeyExpired      = errors.New("the API key has expired")
	errCompanyInactive = errors.New("the company is inactive")
	errUnknownUser     = errors.New("the company has no such user")
	errUserInactive    = errors.New("the user is inactive")
)

func damagedKey(id string) error {
	return dataapi.Wrap(dataapi.CodeInternal,
		fmt.Errorf("the store's record of API key %q is damaged: make a new key for its user, or restore a backup", id))
}

func refusal(cause error) error { return dataapi.Wrap(dataapi.CodeUnauthenticated, cause) }

// Resolve returns who a verified token speaks for: the user that it names, when the key that the token was made with is still
// live and the user and the company are active. It is meant for every request, since a token outlives a revocation.
// Without a key it returns a user whom a trusted issuer has identified, while issuers may still do so for the company.
// Whatever is wrong, the error is dataapi.CodeUnauthenticated with the cause for the log, but for a key whose record is
// damaged, which is dataapi.CodeInternal, and for what cannot be known while nothing is heard of a store that processes share,
// which is dataapi.CodeOverloaded: see [Keys.SharedWith]. It blocks only for what is unknown in a store that processes share, until
// it would be known; and it allocates only for an error.
func (d *Directory) Resolve(companySlug, userName, keyID string) (Principal, error) {
	user, id, err := d.resolve(companySlug, userName, keyID)
	if err != nil && mayBeNew(err) {
		if err = d.keys.catchUp(err); err == nil {
			user, id, err = d.resolve(companySlug, userName, keyID)
		}
	}
	if err != nil {
		return Principal{}, err
	}
	caller := *user // the only copy on the way of each request
	caller.KeyID = id
	return caller, nil
}

// resolve judges by what is known. It returns the user, and the key's id as the store has it.
func (d *Directory) resolve(companySlug, userName, keyID string) (user *Principal, id string, err error) {
	if keyID == "" {
		user, err = d.resolveTrusted(companySlug, userName)
		return user, "", err
	}
	if err := d.keys.stale(); err != nil {
		return nil, "", err
	}
	key := d.keys.find(keyID)
	if key == nil {
		return nil, "", refusal(errUnknownKey)
	}
	now := d.keys.now()
	state := key.State(now)
	if state == KeyDamaged {
		return nil, "", damagedKey(keyID)
	}
	if key.Company != companySlug || key.User != userName {
		return nil, "", refusal(errForeignKey)
	}
	switch state {
	case KeyRevoked:
		return nil, "", refusal(errKeyRevoked)
	case KeyExpired:
		return nil, "", refusal(errKeyExpired)
	}
	if user, err = d.active(companySlug, userName); err != nil {
		return nil, "", err
	}
	key.use(now)
	return user, key.ID, nil
}

// active returns a user without a key, when it and its company are active.
func (d *Directory) active(companySlug, userName string) (*Principal, error) {
	entry := (*d.companies.Load())[companySlug]
	if entry == nil {
		return nil, refusal(errUnknownCompany)
	}
	if !entry.company.Active {
		return nil, refusal(errCompanyInactive)
	}
	user := entry.users[userName]
	if user == nil {
		return nil, refusal(errUnknownUser)
	}
	if !user.User.Active {
		return nil, refusal(errUserInactive)
	}
	return user, nil
}
