package source

// Claims are what the server has established about a caller. A source may show them to the database's own rules, such as
// PostgreSQL's row-level security; an endpoint's statement must have no way to change them.
type Claims struct {
	Company string // slug of the caller's company
	User    string // name of the caller's user

	// ShareContext is what the endpoint's owner has limited the caller's company to and what the user is limited to,
	// together, as one JSON object: by parameter, an object with the members allowed, minimum and maximum, of which only
	// those are there that limit it. Equal contexts are equal bytes: names are sorted, and there is no white space. It is
	// empty for a query that does not use claims, and must not be changed.
	ShareContext []byte
}
