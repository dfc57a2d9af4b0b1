// Package wholefile replaces files so that a reader finds the old one or the new one, and never a part.
//
// It is for files that can be made again, such as what a start may read and what a command writes: they are not forced to the disk.
// What must survive a crash of the machine is boltfile's. The package knows nothing but the file system. Start reading at [Write].
package wholefile
