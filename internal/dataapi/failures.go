package dataapi

// SourceFailures are the kinds of failure of a run at its source: the code with which it ends, and the word for it in metrics and
// in what operators are shown.
var SourceFailures = [...]struct {
	Code  Code
	Class string
}{
	{CodeSourceUnavailable, "unavailable"},
	{CodeExecutionInterrupted, "interrupted"},
	{CodeOverloaded, "overloaded"},
	{CodeExecutionTimeout, "timeout"},
	{CodeValueRefused, "value_refused"},
	{CodeInternal, "internal"},
}
