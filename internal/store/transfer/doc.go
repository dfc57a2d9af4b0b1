// Package transfer moves everything that one store holds into another, which may be of another kind: each kind of record has one
// form here that both stores read and write. What follows from other records, such as the order of the queue, is not moved but
// made again.
//
// It knows neither of the stores. Start reading at [Copy].
package transfer
