package pgstore

// CallersClock returns options with which the instants that callers hand in are the store's time.
func CallersClock(options Options) Options {
	options.callersClock = true
	return options
}
