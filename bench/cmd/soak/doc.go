// Command soak has several servers' stores on one PostgreSQL accept, claim and end jobs at a steady rate, with results, callbacks and
// idempotency keys, for as long as is wanted. Retention and partitions are shortened, so that an hour holds several ages. Each minute
// it prints how much is kept and how much is dead, and what of the write-ahead log a job costs; at the end it says whether sizes are
// flat once the first age is over, and fails if they are not.
//
// Run it with `make soak`. Start reading in main.go; load.go has the work, and sizes.go what is looked at.
package main
