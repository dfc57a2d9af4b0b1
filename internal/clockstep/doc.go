// Package clockstep builds and runs tests with a system clock that can be set: Go's time.Now is compiled with an offset,
// which a test changes by time.ClockStep, in seconds. The monotonic clock goes on as it is, as on a machine whose clock
// somebody sets.
//
// Such tests are in files with the build tag clockstep, which nothing else sets. The package is for tests only and must
// never reach the product: it changes the standard library of the build. Start reading at [Overlay].
package clockstep
