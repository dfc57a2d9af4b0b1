// Package storetest is the conformance suite of stores: every store of this product passes it. Each test proves a sentence of
// the interfaces' contracts.
//
// It knows no store: it gets one from the test that calls it, and checks it through the interfaces alone.
//
// There is a function for each interface, such as [KeyStore] and [DocumentStore]. Jobs and callbacks, which the most can go wrong
// with, have the package jobtest.
package storetest
