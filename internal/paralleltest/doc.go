// Package paralleltest lets tests that wait run beside each other, and tests whose cases are dear draw fewer of them.
//
// The go command runs as many parallel tests of a package at a time as there are processors, which suits tests that compute. Most
// tests here wait: for a database, for a time limit, for a process. A package of such tests calls [AtOnce] in its TestMain, and each of
// its tests has a database, a store and a server of its own.
//
// Tests that measure memory, allocations or goroutines do not call t.Parallel: they run alone, before all others.
package paralleltest
