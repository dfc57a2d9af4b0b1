package dataapi

import (
	"cmp"
	"strings"
)

// Action is a permission that a policy grants.
type Action string

// The actions that exist.
const (
	ActionExecute   Action = "data_api:execute"     // run an endpoint
	ActionGetJob    Action = "data_api:get_job"     // list jobs, and read a job and its result
	ActionCancelJob Action = "data_api:cancel_job"  // end a job before it ends by itself
	ActionMakeLink  Action = "data_api:create_link" // make, list and revoke presigned links, and act by them
	ActionGetUsage  Action = "data_api:get_usage"   // see who of the company calls what; it is granted on every endpoint or not at all

	ActionView         Action = "visualization:view" // see endpoints with their SQL and revisions
	ActionEdit         Action = "visualization:edit" // create, change, activate and delete endpoints; preview drafts
	ActionManageAccess Action = "access:manage"      // users, keys, callback secrets and deliveries of the company; granted on every endpoint or not at all
)

// Actions lists every action, in the order in which they are shown.
func Actions() []Action {
	return []Action{
		ActionExecute, ActionGetJob, ActionCancelJob, ActionMakeLink, ActionGetUsage, ActionView, ActionEdit, ActionManageAccess,
	}
}

// Address names an endpoint: slugs are unique inside a namespace, namespaces inside a company.
type Address struct {
	Company   string
	Namespace string
	Slug      string
}

// String returns the address as company/namespace/slug.
func (a Address) String() string { return a.Company + "/" + a.Namespace + "/" + a.Slug }

// Path returns the address inside its company, namespace/slug: the form that policies' patterns match.
func (a Address) Path() string { return a.Namespace + "/" + a.Slug }

// Compare orders addresses as their texts are ordered, without making those.
func (a Address) Compare(b Address) int {
	return cmp.Or(compareBefore(a.Company, b.Company), a.ComparePath(b))
}

// ComparePath orders addresses as their paths are ordered, without making those.
func (a Address) ComparePath(b Address) int {
	return cmp.Or(compareBefore(a.Namespace, b.Namespace), strings.Compare(a.Slug, b.Slug))
}

// compareBefore compares two texts behind which a slash comes: a hyphen goes before that, and a letter does not.
func compareBefore(a, b string) int {
	n := min(len(a), len(b))
	switch common := strings.Compare(a[:n], b[:n]); {
	case common != 0 || len(a) == len(b):
		return common
	case len(a) > n:
		return cmp.Compare(a[n], '/')
	default:
		return cmp.Compare('/', b[n])
	}
}

// URLPath returns where callers who reach the endpoint find it, below which /execute and /jobs are. It does not name the
// company: that is the caller's.
func (a Address) URLPath() string { return PathEndpoints + "/" + a.Namespace + "/" + a.Slug }

// SlugRule says in words what [ValidSlug] accepts, for error messages.
const SlugRule = "1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"

const maxSlug = 63 // the length of a DNS label

// ValidSlug reports whether s can name a company, a namespace or an endpoint. The rule is strict because slugs
// become paths, both of files and of URLs.
func ValidSlug(s string) bool {
	if len(s) == 0 || len(s) > maxSlug || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}
