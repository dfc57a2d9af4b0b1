// Package respond is what all routes of ours share: it calls handlers, bounds and reads the bodies of requests, watches over
// answers while they are sent, turns errors into problem documents, and records refusals.
//
// A package that serves routes makes a mux of [Routes] with [Responder.Mux]. It lets requests in with [Responder.Enter], or
// with [Responder.EnterStranger] where nobody is authenticated, and then calls the mux. Its handlers find the caller by
// [CallerOf]. They need not look again at whether the caller's key, user and tokens are still good: that happens at each
// part of the answer; but one that changes something asks [Responder.Renew] when it has read the body. And they have to ask
// what the caller may do.
//
// It knows neither endpoints nor jobs, and decides about callers nothing but how much they may ask for. Start reading at
// responder.go; answer.go is the writer that handlers get.
package respond
