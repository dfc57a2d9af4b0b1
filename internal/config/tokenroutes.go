package config

// TokenRoutes configures the handler of tokens and sessions.
type TokenRoutes struct {
	// The URL before the paths of the API, as for the handler that runs endpoints. The cookie of a browser's session goes below it.
	BaseURL string `json:"base_url,omitempty"`
}
