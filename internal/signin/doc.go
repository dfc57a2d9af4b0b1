// Package signin is a client of identity providers: people sign in there, by the authorization code grant of OAuth 2.0 with PKCE (RFC 6749,
// 7636 and 9700) and OpenID Connect, and the provider says here who they are.
//
// It knows neither requests nor sessions: package authn has the routes, and package token verifies what a provider has signed.
//
// Start reading at [Desk.Begin].
package signin
