// Command prest serves tables over HTTP: it is the Go peer of the benchmark. It is pREST's own program, without its log of requests,
// since no other server of the benchmark writes one.
//
// It is a module of its own, so that what pREST needs is not needed by the product or by the benchmark. It knows nothing of either: the
// benchmark builds and starts it, and tells it by its environment where to listen and which database to use.
//
// Start reading at main in main.go.
package main
