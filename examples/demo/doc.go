// Command demo shows the Data API at work: it starts the server on embedded engines and does what a customer does,
// from the API key to the signed callback, with every request and every answer on the screen. Then it keeps serving. With
// -store postgres it does so on several servers behind Caddy's load balancer, which share a PostgreSQL of the demo's own.
//
// It uses the product as a customer does: over HTTP and through the command line. It must not reach into the server.
//
// Run it with `make demo`, from the repository's root. Start reading in main.go; call.go has the calls that it makes.
package main
