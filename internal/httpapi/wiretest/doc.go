// Package wiretest is for tests of what is seen on the wire. It serves handlers from a real server as Caddy does, and asks them on bare
// connections, so that a test sees each byte and how the connection ends.
//
// It knows no handler of ours, no caller and no endpoint.
//
// Start reading at [Serve] and [Ask].
package wiretest
