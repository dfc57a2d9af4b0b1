// Package pgstore is the store that any number of servers share: a schema in a PostgreSQL database.
//
// Every write is one transaction, which [Store.write] runs, or one statement, which [Store.change] runs. Both say whether
// the outcome is known. SQL names its tables with the schema data_api, which [Store.sql] replaces by the configured one.
//
// Time is the database's. Callers hand in instants of their own clocks; the store keeps those to show them, and turns what
// it decides by into lengths of time from now: clock.go says how. So a server whose clock is wrong takes no lease from
// another.
//
// Start reading in jobs.go, which accepts jobs, and claim.go, which gives them away. Migrations are in schema/, each in a
// file that is never changed once it was released: a step must leave the program of the step before working.
package pgstore
