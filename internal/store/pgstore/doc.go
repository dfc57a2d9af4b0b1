// Package pgstore is the store that any number of servers share: a schema in a PostgreSQL database.
//
// It has three rooms below it: pgdb asks the database, and knows of each write whether it has happened; schema makes the tables,
// and cuts and drops them by time; signal lets servers hear of each other. Here is what is stored.
//
// Time is the database's. Callers hand in instants of their own clocks; the store keeps those to show them, and turns what
// it decides by into lengths of time from now: clock.go says how. So a server whose clock is wrong takes no lease from
// another.
//
// Start reading in jobs.go, which accepts jobs, and claim.go, which gives them away.
package pgstore
