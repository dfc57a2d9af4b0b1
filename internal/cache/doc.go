// Package cache keeps results of queries in memory for a short time, and lets one query answer any number of callers who
// ask for the same at once.
//
// It decides nothing about who may see a result: the [Key] alone says which callers share an entry. Package execution makes
// the keys, so what keeps companies apart is there. The cache knows neither endpoints nor HTTP.
//
// Start reading at [Cache]; flight.go has the queries under way that callers wait for.
package cache
