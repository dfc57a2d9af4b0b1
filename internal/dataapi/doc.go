// Package dataapi holds the product's vocabulary: its actions, addresses and paths, and the one catalogue of errors.
//
// It imports nothing of ours, so that every other package can speak it. It knows HTTP's status codes, because each error
// has one, and no more of HTTP.
//
// Start reading at [Catalogue], from which docs/errors.md is written, and at [Error], the only error that crosses a package
// boundary on a request's way. paths.go has the paths of the API.
package dataapi
