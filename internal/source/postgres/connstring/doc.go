// Package connstring reads PostgreSQL's connection strings as libpq does: every keyword is honoured, or is a fault that names it, and
// no fault shows a secret. It also decides which settings of a session the source makes itself.
//
// It makes no connection, and knows neither statements nor endpoints.
//
// Start reading at [Parse].
package connstring
