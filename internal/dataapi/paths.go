package dataapi

// The paths of the contract. Those of endpoints and jobs begin with PathEndpoints: see [Address.URLPath].
const (
	PathAuth        = "/api/v1/auth"
	PathAPIKey      = PathAuth + "/api-key"
	PathRefresh     = PathAuth + "/refresh"
	PathLogout      = PathAuth + "/logout"
	PathToken       = PathAuth + "/token"
	PathPermissions = PathAuth + "/permissions"
	PathJWKS        = "/.well-known/jwks.json"
	PathOAuth       = "/.well-known/oauth-authorization-server"
	PathEndpoints   = "/api/v1/data-api"
	PathUsage       = "/api/v1/usage"
	PathOpenAPI     = PathEndpoints + "/openapi.json"
)
