// Package ratelimit counts what callers do against limits, in memory that does not grow with the number of callers.
//
// It is arithmetic over keys: it knows neither whom they belong to nor HTTP, and imports nothing of ours.
// docs/decisions says why its table has a fixed size.
//
// Start reading at [Limit], then [Table], which holds the buckets. [Throttle] slows down those who guess at credentials.
package ratelimit
