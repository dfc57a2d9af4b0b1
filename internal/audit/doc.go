// Package audit names the events of the audit log: who did what, from where, and what came of it. It writes nothing
// itself; what keeps the events is a [Log].
//
// No event holds a secret: no token, no API secret, no key, and no value of a parameter that its endpoint calls sensitive.
// The names are a contract with those who read the log, so none is ever changed.
//
// It imports nothing of ours, and knows neither Caddy nor a logger. Start reading at [Event].
package audit
