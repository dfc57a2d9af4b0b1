// Package schema is how the tables of the store in PostgreSQL come, and how those that are cut by time go: steps, each in a file that is
// never changed once it was released, and partitions. A step must leave the program of the step before working.
//
// It knows no job. Start reading in the steps, the files *.sql.
package schema
