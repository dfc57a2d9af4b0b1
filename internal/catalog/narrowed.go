package catalog

import (
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// companyFile is a company.yaml as it counts. It is immutable; a reload keeps the pointer of a file that did not change.
type companyFile struct {
	document.CompanyFile
	narrowed bool            // made by without or refusing, not read
	refused  map[string]bool // the users whom refusing has switched off
}

// refusing returns the file with users switched off whose share contexts are at fault. It returns f itself when that is so
// already.
func (f *companyFile) refusing(users []string) *companyFile {
	if !slices.ContainsFunc(users, func(user string) bool { return !f.refused[user] }) {
		return f
	}
	company, refusing := *f.Company, *f
	company.Users = maps.Clone(company.Users)
	refusing.Company, refusing.narrowed, refusing.refused = &company, true, make(map[string]bool)
	maps.Copy(refusing.refused, f.refused)
	for _, user := range users {
		off := *f.Company.Users[user]
		off.Active, off.Refused = false, off.Active || off.Refused
		company.Users[user], refusing.refused[user] = &off, true
	}
	return &refusing
}

// without removes from the file the rights that a newer, faulty one takes away: a deactivation, of the company or of a
// user, the removal of a user, and of a policy from a user, take effect although the rest of the newer file does not. Its
// fault may be another company's doing. It returns f itself when nothing is withdrawn.
func (f *companyFile) without(newer *companyFile) *companyFile {
	company := *f.Company
	company.Active = company.Active && newer.Company.Active
	withdrawn := company.Active != f.Company.Active
	company.Users = maps.Clone(company.Users)
	for name, user := range company.Users {
		now := newer.Company.Users[name]
		if now == nil {
			now = &identity.User{}
		}
		kept := slices.DeleteFunc(slices.Clone(user.Policies), func(policy string) bool { return !slices.Contains(now.Policies, policy) })
		if user.Active && !now.Active || user.Active && len(kept) < len(user.Policies) {
			lesser := *user
			lesser.Active, lesser.Policies = now.Active, kept
			company.Users[name] = &lesser
			withdrawn = true
		}
	}
	if !withdrawn {
		return f
	}
	less := *f
	less.Company, less.narrowed = &company, true
	return &less
}

// deactivating returns the file without what a newer one deactivates that cannot be read in full: active: false, and an
// active that is neither true nor false, take effect on the company or on a user. What the newer file leaves out says
// nothing, since a fault can hide it. It returns f itself when nothing is withdrawn.
func (f *companyFile) deactivating(newer *identity.Company) *companyFile {
	whole := *newer
	whole.Users = maps.Clone(newer.Users)
	for name, user := range f.Company.Users {
		if whole.Users[name] == nil {
			whole.Users[name] = user
			continue
		}
		now := *whole.Users[name]
		now.Policies = user.Policies // those that are read without a fault may not be all
		whole.Users[name] = &now
	}
	return f.without(&companyFile{CompanyFile: document.CompanyFile{Company: &whole}})
}
