// Package spool keeps on disk, for a while, what takes its time to make and is read in parts: a job's result in another form than it is
// kept in, of which a reader of Parquet asks for the end first and then for pieces. It is made once, in files without a name that
// go with the process, and within a bound.
//
// It knows neither what it keeps nor who reads it. Start reading at [Spool.Get].
package spool
