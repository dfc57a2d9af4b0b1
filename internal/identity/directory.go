package identity

import (
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
	keys  *Keys
	roll  atomic.Pointer[roll]
	decoy *heldKey // takes the place of an unknown key, so that it costs the same work

	trusting map[string]bool // the companies whose users trusted issuers may identify
}

// roll is an immutable set of companies, compiled.
type roll map[string]*member

type member struct {
	company  *Company
	users    map[string]*account
	subjects map[string]*account // by what trusted issuers call the users
}

type account struct {
	user        *User
	permissions permissions
}

// NewDirectory makes a directory that knows no company yet: it refuses every caller until [Directory.SetCompanies].
func NewDirectory(keys *Keys) *Directory {
	directory := &Directory{keys: keys, decoy: hold(Key{ID: newKeyID()})}
	directory.decoy.SecretMAC = secretMAC(keys.pepper, directory.decoy.ID, newSecret())
	directory.roll.Store(&roll{})
	return directory
}

// SetCompanies replaces the companies, by slug. They belong to the directory from then on and must not change. When a
// user has a policy that does not exist, or a policy is at fault, it returns every such fault and the companies stay as
// they were. Requests that are under way keep the principal that they have.
func (d *Directory) SetCompanies(companies map[string]*Company) error {
	compiled := make(roll, len(companies))
	var faults []error
	for slug, company := range companies {
		entry, err := enrol(company)
		if err != nil {
			faults = append(faults, fmt.Errorf("company %s: %w", slug, err))
		}
		compiled[slug] = entry
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	d.roll.Store(&compiled)
	return nil
}

func enrol(company *Company) (*member, error) {
	entry := &member{company: company, users: make(map[string]*account, len(company.Users))}
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
		entry.users[name] = &account{user: user, permissions: granted}
	}
	return entry, errors.Join(errors.Join(faults...), entry.enrolSubjects())
}

// HasUser reports whether the catalog has a user: a key outlives its user's removal, and works again when the user comes
// back.
func (d *Directory) HasUser(company, user string) bool {
	entry := (*d.roll.Load())[company]
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

func damagedKey(id string) (Principal, error) {
	return Principal{}, dataapi.Wrap(dataapi.CodeInternal,
		fmt.Errorf("the store's record of API key %q is damaged: make a new key for its user, or restore a backup", id))
}

func refuse(cause error) (Principal, error) {
	return Principal{}, dataapi.Wrap(dataapi.CodeUnauthenticated, cause)
}

// Resolve returns who a verified token speaks for: the user that it names, when the key that the token was made with is still
// live and the user and the company are active. It is meant for every request, since a token outlives a revocation.
// Without a key it returns a user whom a trusted issuer has identified, while issuers may still do so for the company.
// Whatever is wrong, the error is dataapi.CodeUnauthenticated with the cause for the log, but for a key whose record is
// damaged, which is dataapi.CodeInternal, and for what cannot be known while nothing is heard of a store that processes share,
// which is dataapi.CodeOverloaded: see [Keys.SharedWith]. It does not block, and allocates only for an error.
func (d *Directory) Resolve(companySlug, userName, keyID string) (Principal, error) {
	if keyID == "" {
		return d.resolveTrusted(companySlug, userName)
	}
	if err := d.keys.stale(); err != nil {
		return Principal{}, err
	}
	key := d.keys.find(keyID)
	if key == nil {
		_, err := refuse(errUnknownKey)
		return Principal{}, d.keys.unknown(err)
	}
	now := d.keys.now()
	state := key.State(now)
	if state == KeyDamaged {
		return damagedKey(keyID)
	}
	if key.Company != companySlug || key.User != userName {
		return refuse(errForeignKey)
	}
	switch state {
	case KeyRevoked:
		return refuse(errKeyRevoked)
	case KeyExpired:
		return refuse(errKeyExpired)
	}
	caller, err := d.active(companySlug, userName)
	if err == nil {
		caller.KeyID = key.ID
		key.use(now)
	}
	return caller, err
}

// active returns a user without a key, when it and its company are active.
func (d *Directory) active(companySlug, userName string) (Principal, error) {
	entry := (*d.roll.Load())[companySlug]
	if entry == nil {
		return refuse(errUnknownCompany)
	}
	if !entry.company.Active {
		return refuse(errCompanyInactive)
	}
	holder := entry.users[userName]
	if holder == nil {
		return refuse(errUnknownUser)
	}
	if !holder.user.Active {
		return refuse(errUserInactive)
	}
	return Principal{Company: entry.company, User: holder.user, permissions: holder.permissions}, nil
}
