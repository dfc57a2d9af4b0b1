// Package watch notices that files of a catalog may have changed: by what the system tells of directories and of the symbolic
// links on the way to them, and by stamps, which say without reading whether a file is still the same.
//
// It reads no file, and knows nothing of what is in them. Package catalog reads again what this package names.
//
// Start reading at [Watcher.Concerns]; [QuietTimes] wait until an editor or a checkout has done, [Stamp] is of one file.
package watch
