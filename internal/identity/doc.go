// Package identity knows companies, their users, API keys and policies: it verifies a key, authorizes an action, and ends
// access.
//
// It knows no HTTP, no files and no tokens. Package catalog reads the files that companies come from; package token signs for
// a [Principal], the user that this package has found.
//
// Start reading at [Directory], which holds the companies in force, and at [Keys], which holds the keys. pattern.go says what a
// policy's pattern matches.
package identity
