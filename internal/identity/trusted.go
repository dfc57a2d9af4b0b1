package identity

import (
	"errors"
	"fmt"
)

var (
	errNotTrusted     = errors.New("no issuer is trusted for users of the company")
	errUnknownSubject = errors.New("the company has no user whom a trusted issuer calls that")
)

// TrustIssuersFor sets the companies whose users trusted issuers may identify; those of others they may not. It must be called
// before the directory is used.
func (d *Directory) TrustIssuersFor(companies []string) {
	d.trusting = make(map[string]bool, len(companies))
	for _, slug := range companies {
		d.trusting[slug] = true
	}
}

// ResolveTrusted returns the user of a company whom a trusted issuer calls subject, when the user and the company are
// active. There is no API key then; later, [Directory.Resolve] looks at the user again by its name and an empty key. The
// error is that of Resolve, which says when it blocks.
func (d *Directory) ResolveTrusted(companySlug, subject string) (Principal, error) {
	user, err := d.resolveSubject(companySlug, subject)
	if err != nil && mayBeNew(err) {
		if err = d.keys.catchUp(err); err == nil {
			user, err = d.resolveSubject(companySlug, subject)
		}
	}
	if err != nil {
		return Principal{}, err
	}
	return *user, nil
}

func (d *Directory) resolveSubject(companySlug, subject string) (*Principal, error) {
	entry := (*d.companies.Load())[companySlug]
	if entry == nil {
		return nil, refusal(errUnknownCompany)
	}
	user := entry.subjects[subject]
	if user == nil {
		return nil, refusal(errUnknownSubject)
	}
	return d.resolveTrusted(companySlug, user.User.Name)
}

// resolveTrusted is Resolve without a key.
func (d *Directory) resolveTrusted(companySlug, userName string) (*Principal, error) {
	if !d.trusting[companySlug] {
		return nil, refusal(errNotTrusted)
	}
	return d.active(companySlug, userName)
}

// indexSubjects lists the users by what trusted issuers call them.
func (c *compiledCompany) indexSubjects() (faults error) {
	c.subjects = make(map[string]*Principal, len(c.users))
	for name, user := range c.users {
		subject := user.User.SubjectName()
		if other := c.subjects[subject]; other != nil {
			faults = errors.Join(faults, fmt.Errorf("the users %s and %s have one subject, %q", name, other.User.Name, subject))
		}
		c.subjects[subject] = user
	}
	return faults
}

// SubjectName is what trusted issuers call the user.
func (u *User) SubjectName() string {
	if u.Subject != "" {
		return u.Subject
	}
	return u.Name
}
