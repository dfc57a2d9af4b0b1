// Package schema is how the tables of the store in PostgreSQL are made, and how those that are cut by time come and go: steps, each in a
// file that is never changed once it was released, and partitions. A step must leave the program of the step before working.
//
// It knows what tables there are, and nothing of what their rows mean.
//
// Start reading in the steps, the files *.sql; migrate.go takes them, and partitions.go cuts tables by time.
package schema
