package dataapi

// The paths of the contract. Those of endpoints and jobs begin with PathEndpoints: see [Address.URLPath].
const (
	PathAuth        = "/api/v1/auth"
	PathAPIKey      = PathAuth + "/api-key"
	PathRefresh     = PathAuth + "/refresh"
	PathLogout      = PathAuth + "/logout"
	PathSession     = PathAuth + "/session"
	PathRenew       = PathSession + "/refresh"
	PathSignIn      = PathSession + "/sign-in"
	PathSignedIn    = PathSession + "/callback" // and the name of the provider
	PathToken       = PathAuth + "/token"
	PathPermissions = PathAuth + "/permissions"
	PathJWKS        = "/.well-known/jwks.json"
	PathOAuth       = "/.well-known/oauth-authorization-server"
	PathEndpoints   = "/api/v1/data-api"
	PathUsage       = "/api/v1/usage"
	PathUsers       = "/api/v1/users"
	PathPolicies    = "/api/v1/policies"
	PathKeys        = "/api/v1/keys"
	PathDeliveries  = "/api/v1/deliveries"
	PathJobs        = "/api/v1/jobs"
	PathActivity    = "/api/v1/activity"
	PathSources     = "/api/v1/sources"
	PathStatus      = "/api/v1/status"
	PathOpenAPI     = PathEndpoints + "/openapi.json"
	PathCatalog     = PathEndpoints + "/catalog" // the endpoints as they are written
	PathCheck       = PathEndpoints + "/check"
	PathPreview     = PathEndpoints + "/preview"
)

// CallerPaths are the paths of the routes that need a caller, as a matcher of paths takes them: one that ends with /* is for all
// that is below.
func CallerPaths() []string {
	paths := []string{PathPermissions, PathUsage, PathEndpoints, PathEndpoints + "/*"}
	for _, path := range []string{PathUsers, PathPolicies, PathKeys, PathDeliveries, PathJobs, PathActivity, PathSources, PathStatus} {
		paths = append(paths, path, path+"/*")
	}
	return paths
}
