// Package links serves the routes by which users make, see and revoke presigned links: URLs that run an endpoint without a header.
//
// It does not serve the request that a link makes, and knows no signature: package httpapi serves that request, and package link signs
// and opens the URL.
//
// Start reading at [Routes].
package links
