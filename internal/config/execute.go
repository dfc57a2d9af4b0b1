package config

import "encoding/json"

// Execute configures the handler that runs endpoints and serves jobs.
type Execute struct {
	// The largest request body, in bytes. The default is 262144 (256 KiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// Whether calls of endpoints are answered with the field Server-Timing: milliseconds of waiting for a place at the source
	// (wait), of the query (db), and in all (total). In the answers that are streamed it is in the trailer. By default it is
	// left out, since it tells callers how busy the database is.
	ServerTiming bool `json:"server_timing,omitempty"`

	// The URL that callers know the API by, such as https://api.example.com/edge. Its path comes before the paths in answers, and
	// the whole is the server in OpenAPI documents. By default that path is what the site has taken away from the beginning of the
	// request's, by handle_path or uri strip_prefix. It is needed where something in front of this server takes a part away.
	BaseURL string `json:"base_url,omitempty"`

	// What authenticates callers inside the handler: the authentication provider `data_api_jwt`, which is named under
	// `provider`. A caller who presents no good token is answered 401. By default nothing does, and the handler serves
	// only callers whom that provider has authenticated earlier in the route, in Caddy's authentication handler.
	AuthenticatorRaw json.RawMessage `json:"authenticator,omitempty" caddy:"namespace=http.authentication.providers inline_key=provider"`
}

// Token configures the handler that exchanges credentials for tokens.
type Token struct {
	// As that of the handler that runs endpoints: the URL that callers know the API by, which clients of OAuth are told.
	BaseURL string `json:"base_url,omitempty"`
}

// DefaultMaxBody is the largest request body when the configuration does not say, in bytes.
const DefaultMaxBody = 256 << 10
