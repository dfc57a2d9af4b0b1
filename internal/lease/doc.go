// Package lease keeps pooled resources, such as an open database file, alive across configuration reloads.
//
// Caddy starts a new configuration before it stops the old one, does not wait for the old one's requests, and may
// reject the new one half way. So nobody owns a shared resource: every configuration holds a [Generation], each
// request and job holds its generation while it runs, and the last holder to let go gives the resources back.
//
// It imports nothing of ours; of Caddy it uses the pool that counts references. Start reading at [Generation].
package lease
