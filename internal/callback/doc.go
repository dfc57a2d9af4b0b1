// Package callback announces the end of jobs: it signs the job's document after the Standard Webhooks specification
// (https://www.standardwebhooks.com) and POSTs it to the URL that the caller gave. It tries again until the receiver takes it
// or the schedule ends.
//
// The URL is a stranger's. So its address is checked again at every try, and a connection goes only where the configuration allows.
// The package knows no store: a [Store] keeps the deliveries. It does not know who may ask for a callback either.
//
// Start reading at [Dispatcher]; try.go is one try, guard.go the addresses that are refused.
package callback
