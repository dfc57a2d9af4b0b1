// Package cors lets pages of other origins call the API from a browser (the Fetch standard, 3.3). It knows net/http and nothing
// of ours: neither callers nor endpoints.
//
// Nothing is ever allowed with credentials, which means cookies and the like: callers of the API present a token themselves. So no
// page can act as a user by the mere fact that the user's browser has been here.
//
// Start reading at [New].
package cors
