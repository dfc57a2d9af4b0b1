// Package catalogcmd holds the commands that move endpoints between directories and servers: push and pull over the public API, for
// pipelines, and export, import and companies through the admin API, for operators.
//
// It opens neither store nor database: the server decides what it takes. Of endpoint files it knows where they are, not what they say.
//
// Start reading at [Push]; tree.go reads and writes the directories.
package catalogcmd
