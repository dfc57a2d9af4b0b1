// Package httpapi is the HTTP contract on net/http: routes, JSON bodies, problem documents. It knows no Caddy and makes
// no decision of its own; it calls the packages that do, in the order in which a request is handled:
// authenticate, authorize, find, bind, then run and encode, or accept a job.
//
// Start reading at execute.go. Each resource has a handler of its own (endpoints, executions, jobs, results) with
// the services that it uses; authorize.go decides what callers may do, resultanswer.go writes results. Who they are, and how they
// get tokens, is in package authn. What all routes have in common, those of other packages too, is in package respond.
package httpapi
