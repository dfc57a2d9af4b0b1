// Package access serves the routes by which a company looks after its own access: users, policies, API keys and the secrets of
// callbacks. Users with the action access:manage may use them, for that company alone: what is another's does not exist.
//
// A user of a file of the catalog is read-only here. One that is made here is a document of the store, which package catalog
// reads into the company as it reads the file.
//
// Start reading at [Routes].
package access
