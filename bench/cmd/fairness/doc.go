// Command fairness measures what one company's load does to another: the time of a quiet company's requests while it is alone, and
// while another one sends fifty times as many as it, to the same PostgreSQL source. The two are measured in turns,
// and the 99th percentiles of each turn are compared.
//
// Run it with `make fairness`. Start reading in main.go.
package main
