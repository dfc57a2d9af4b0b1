// Package caddytest gives tests that run a Caddy in their process directories of their own. So what Caddy writes stays out of the
// developer's directories: the configuration that `caddy run --resume` takes up, certificates, the default store, and what a source
// has accepted.
//
// It knows Caddy's defaults, and nothing of this product.
//
// Start reading at [Run], which a package calls in its TestMain.
package caddytest
