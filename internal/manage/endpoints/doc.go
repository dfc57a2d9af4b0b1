// Package endpoints serves the routes by which a company's own users see and write its endpoints: the list of what there is, the texts,
// their revisions, and the check of drafts. A preview is a call, and so a route of package httpapi.
//
// It knows no file and no store: the catalog says what there is, a draft is held to what a file is held to, and what is stored is a
// document. Nothing is stored that has a fault.
//
// Start reading at [Routes]; save.go is the way of every change.
package endpoints
