// Command timing asks the running server, over HTTP, for tokens with credentials that are wrong in four ways, and compares how
// long each takes to be refused and what the answer says: an unknown company, an unknown key, a wrong secret and a revoked
// key must not be told apart.
//
// It prints Welch's t for each pair, over all samples and over those below a percentile of all times, which leaves out what
// the machine did meanwhile. Above 4.5 a difference is likely to be real (the bound of the TVLA and dudect methods).
//
// Run it with `make timing`. Start reading in main.go; welch.go has the statistics.
package main
