// Package storetest is the conformance suite of stores: every store of this product passes it. Each test proves a sentence of
// the interfaces' contracts.
//
// It knows no store: it gets one from the test that calls it, and checks it through the interfaces alone.
//
// Start reading at [Run], for jobs and callbacks; [KeyStore], [FamilyStore] and [TokenKeyStore] test the other parts.
// model.go is the simple store in memory that random operations are compared with; interleaved.go lets many make them at
// the same time, and fate.go says which answers an order of them explains.
package storetest
