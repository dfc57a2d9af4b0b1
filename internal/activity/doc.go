// Package activity remembers how the endpoints of each company have fared in the last day, for those who look after them: how long
// calls took, hour by hour, and the latest errors with their request ids.
//
// It is kept in memory, within bounds, by the server that has answered, and is gone when that ends: what must be exact and stay
// is counted by package usage. It knows neither HTTP nor a store. Start reading at [Recorder].
package activity
