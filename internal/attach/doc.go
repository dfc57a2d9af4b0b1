// Package attach joins what outlives a reload of the configuration with what each configuration brings.
//
// A long-lived engine asks a [Stack] for the newest attached value when it begins a piece of work, and holds that value
// until the work is done. Old and new configurations overlap, a rejected one comes and goes, and in each of these cases
// the work that has begun ends with what it began with.
//
// It is generic and imports nothing of ours: packages job and callback say what they attach. Start reading at [Stack].
package attach
