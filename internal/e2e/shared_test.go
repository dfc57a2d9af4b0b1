package e2e

import "github.com/solucao42/caddy-data-api/internal/server/servertest"

// What these tests share with those that need no process.
type (
	answer      = servertest.Answer
	credentials = servertest.Credentials
	document    = servertest.Document
	engine      = servertest.Engine
	tokens      = servertest.Tokens
)

const (
	companyFile = servertest.CompanyFile
	patience    = servertest.Patience
	sales       = servertest.Sales

	endpoints    = servertest.Endpoints
	refreshRoute = servertest.RefreshRoute
	logoutRoute  = servertest.LogoutRoute
	whoAmI       = servertest.WhoAmI
)

var (
	engines       = servertest.Engines
	eventually    = servertest.Eventually
	files         = servertest.Files
	onEveryEngine = servertest.OnEveryEngine
)
