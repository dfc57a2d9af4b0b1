// Command simulate says how many servers and jobs one store in PostgreSQL can hold. It measures on a PostgreSQL of its own how much
// processor time and write-ahead log each question and each write of a server costs the database, and then simulates 10, 100 and
// 1,000 servers that ask as often as real ones do, gather their writes as real ones do, and share the database's cores and its disk.
//
// It measures processor time and not how long an answer takes, so that a busy machine changes little of it. What it leaves out: locks
// among writers, of which there are none to wait for, the network, and the work of the servers themselves.
//
// Run it with `make simulate`. Start reading in main.go; measure.go has the measurements, simulate.go the clock and the
// database, and server.go what a server does.
package main
