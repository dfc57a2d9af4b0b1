// Package links serves the routes by which users make, see and revoke presigned links: URLs that run an endpoint without a header. The
// request that a link makes is none of its business: that is one of package httpapi, which asks package link.
//
// Start reading at [Routes].
package links
