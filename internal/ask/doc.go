// Package ask puts one question at a time to something that may take long to answer, such as a store, for many who want to know the
// answer. A caller waits for a bounded time; one that does not get an answer in time costs one goroutine, and not one for each caller.
//
// It is generic. It knows neither what is asked, nor who is asked, nor who wants to know.
//
// Start reading at [Question].
package ask
