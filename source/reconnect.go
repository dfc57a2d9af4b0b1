package source

// Reconnector is a source that can replace its connections while it serves, as after a password, a certificate or a host has
// changed. It is optional; operators ask for it with `caddy data-api sources reconnect`.
type Reconnector interface {
	// Reconnect reads again where and how to connect, files that are named there included, and has connections replaced: an
	// idle one at once, one that runs a statement when that has ended. No run fails for it. It neither blocks nor asks the
	// database. When what it has read cannot be used, it returns why, and everything stays as it was.
	Reconnect() error
}
