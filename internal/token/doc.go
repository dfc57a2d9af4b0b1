// Package token mints and verifies the signed tokens that callers send: access tokens (RFC 9068) and refresh tokens. It also
// verifies the tokens of trusted issuers.
//
// It knows neither HTTP nor what a user may do: package identity decides that for the [Subject] of a token. It keeps its
// keys and token families in a store, which it sees as [KeyStore] and [FamilyStore].
//
// Start reading at [Authority], and at [Authority.Verify], through which every access token goes. families.go has refresh
// tokens and their families, keyring.go the keys that sign, trust.go trusted issuers.
package token
