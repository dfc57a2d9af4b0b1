// Package admission admits runs to a database and shares its places among companies: no company, however much it asks for,
// takes from another what that one is used to. It also bounds what all requests take of the server's memory.
//
// It knows companies by name alone. It knows neither HTTP nor what a query does; it sees a source only through the
// interfaces of package source.
//
// Start reading at [Gate], which holds the places, and at [Admit], which puts a gate in front of a source. [Budget] and
// [Counter] bound memory and numbers by the same idea.
package admission
