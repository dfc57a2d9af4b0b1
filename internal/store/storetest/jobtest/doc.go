// Package jobtest is the conformance suite of stores for jobs, their results, and the deliveries that announce their ends: every
// store of this product passes it. Each test proves a sentence of the contracts of job.Store and callback.Store.
//
// It knows no store: it gets one from the test that calls it, and checks it through the interfaces alone.
//
// Start reading at [Run] in suite.go; [RunShared] lets several servers share the store.
// model.go is the simple store in memory that random operations are compared with; interleaved.go lets many make them at
// the same time, and fate.go says which answers an order of them explains.
package jobtest
