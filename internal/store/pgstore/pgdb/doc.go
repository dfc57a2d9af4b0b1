// Package pgdb is how the store in PostgreSQL asks its database: connections, reads, and writes of which it is known whether they
// have happened. It knows no table.
//
// Every write is one transaction, which [DB.Write] runs, or one statement, which [DB.Change] runs. Both say whether the outcome is
// known. SQL names its tables with the schema data_api, which [DB.SQL] replaces by the configured one.
package pgdb
