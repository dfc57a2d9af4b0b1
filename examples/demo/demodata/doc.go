// Package demodata makes the SQLite database that the demo serves: generated sales of a coffee chain, and the
// monthly home sales of Texas cities from examples/data. The same call always makes the same rows.
//
// It knows nothing of the server. Tests and documentation quote its figures, so a change of the rows changes them too.
//
// Start reading at [Ensure].
package demodata
