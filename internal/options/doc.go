// Package options reads blocks of options in a Caddyfile. A block is a table of options: each has a name, a reader of its
// kind, where the value goes, and an example to show when the value is missing. An error names the line and says what is
// allowed.
//
// It knows Caddy's tokens and no option: packages caddyfile and caddymodule have the tables. It judges the form of a value and
// leaves its limits to the package that uses it.
//
// Start reading at [Block] and [Option].
package options
