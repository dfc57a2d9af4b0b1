// Package jwks keeps the public keys of another issuer of tokens at hand: a JSON Web Key Set (RFC 7517) that is fetched
// from a URL, or read from a file, and renewed in the background.
//
// What it fetches is a stranger's, so sizes, times and the address are bounded. It never uses a private or symmetric key. It
// imports nothing of ours, and does not know what a token may claim: package token does.
//
// Start reading at [Source]; set.go reads a document, fetch.go fetches one.
package jwks
