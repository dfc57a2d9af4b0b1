package config

import "encoding/json"

// Execute configures the handler that runs endpoints and serves jobs.
type Execute struct {
	// The largest request body, in bytes. The default is 262144 (256 KiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// Whether calls of endpoints are answered with the field Server-Timing: milliseconds of waiting for a place at the source
	// (wait), of the query (db), and in all (total). In the answers that are streamed it stands in the trailer. By default it is
	// left out, since it tells callers how busy the database is.
	ServerTiming bool `json:"server_timing,omitempty"`

	// What authenticates callers inside the handler: the authentication provider `data_api_jwt`, which is named under
	// `provider`. A caller who presents no good token is answered 401. By default nothing does, and the handler serves
	// only callers whom that provider has authenticated earlier in the route, in Caddy's authentication handler.
	AuthenticatorRaw json.RawMessage `json:"authenticator,omitempty" caddy:"namespace=http.authentication.providers inline_key=provider"`
}

// DefaultMaxBody is the largest request body when the configuration does not say, in bytes.
const DefaultMaxBody = 256 << 10
