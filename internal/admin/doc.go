// Package admin answers the routes that the product adds to Caddy's admin API: keys and callback secrets are made there,
// the keys that sign tokens rotated, callbacks replayed, cached results purged, the store compacted, and the state of the
// catalog and of the sources is shown, and who has used what.
//
// A handler gets the [Services] of the configuration in force and returns a document, which package cli decodes with the
// same types. It knows neither Caddy nor who may call: any client that reaches the admin API may do everything. So each act is
// recorded in the audit log.
//
// Start reading at the table in routes.go: a route is a line there and a method of Services.
package admin
