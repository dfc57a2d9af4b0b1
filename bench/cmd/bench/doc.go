// Command bench measures the product against what the machine can do and against what teams run instead, and prints
// one table. Run it with `make bench`, or `make bench ROW=point,page` for some groups of rows; docs/performance.md explains it.
//
// It measures the server from outside, as a client does; only allocations are counted in this process. Start reading at the
// table in rows.go; measure.go takes the measures in turns.
package main
