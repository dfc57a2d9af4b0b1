// Package logsample keeps a log readable, and its disk from filling, while the same thing happens to everybody. It reports
// an event at once when it begins, and then now and then, with how often it has happened meanwhile.
//
// It counts names and writes nothing: the caller logs. It imports nothing of ours, and its memory is bounded.
// Start reading at [Sampler].
package logsample
