// Package authn is authentication on HTTP: who the caller of a request is, and the routes at which callers get, renew and end
// their tokens. It serves API keys, pairs of tokens, the sessions of browsers, client credentials of OAuth, and HTTP Basic for those
// who may only read.
//
// It knows neither endpoints nor jobs, and says nothing about what a caller may do. What tokens and keys are is decided in the packages
// token and identity; this one reads them from requests, slows down those who guess, and records what came of it.
//
// Start reading at authenticate.go; tokens.go has the routes.
package authn
