// Package operation serves the routes by which a company watches over what runs for it: its jobs and their callbacks, how its
// endpoints fare, the sources that they run on, and the faults that there are.
//
// Nobody sees more there than elsewhere: a job is shown to those to whom its own route would show it, and what is another company's does
// not exist.
//
// Start reading at [Routes].
package operation
