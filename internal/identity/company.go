package identity

import (
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/quota"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// Company is a tenant: it owns users and endpoints. It is read from company.yaml and immutable once loaded.
type Company struct {
	Slug     string
	Name     string // for people; the slug when the file gives none
	Active   bool   // an inactive company's keys and tokens stop working
	Stored   bool   // it was made over the API, and is no file of the catalog
	Users    map[string]*User
	Policies map[string]*Policy // the company's own, by name; the managed ones are not listed

	// CallbackHosts are the only hosts that the company's callbacks may go to, each as [ValidCallbackHost] allows; nil: any.
	CallbackHosts []string

	Quota []quota.Limit // of all its users together; no two have the same unit and window
}

// User is an integration user of a company. It is immutable once loaded.
type User struct {
	Name         string // unique inside its company, by the slug rule
	DisplayName  string // for people; the name when the file gives none
	Active       bool
	Refused      bool     // it would be active, were its share context not at fault
	Stored       bool     // it was made over the API, and is in no file of the catalog
	Subject      string   // what a trusted issuer calls the user; empty: the name
	Basic        bool     // its keys may be presented by HTTP Basic, in requests that change nothing
	Policies     []string // names of managed policies or of the company's own
	ShareContext params.ShareContext
	Rate         ratelimit.Limit // of all requests with one of its keys
	Quota        []quota.Limit   // of all its keys together; no two have the same unit and window
	KeyQuota     []quota.Limit   // of each of its keys, likewise
}

// Policy is a named set of grants.
type Policy struct {
	Name        string
	Description string
	Stored      bool // it was made over the API, and is in no file of the catalog
	Grants      []Grant
}

// Grant allows actions on endpoints.
type Grant struct {
	Actions   []dataapi.Action
	Endpoints []string // patterns over namespace/slug such as default/*; empty means every endpoint
}
