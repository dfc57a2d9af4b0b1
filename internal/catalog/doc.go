// Package catalog reads endpoint and company files into an immutable, validated snapshot, and watches them for changes.
//
// The tree is <root>/<company>/company.yaml and <root>/<company>/<namespace>/<slug>.sql. Directories and files are named
// by the slug rule. Names that begin with a dot, editors' backups and documentation are ignored.
//
// It knows no database and no dialect of SQL. A source reads its own statements through source.Dialect, and a [CheckFunc]
// asks it about them. It knows neither HTTP nor Caddy.
//
// Start reading at [Open]. tree.go and branch.go find the files, package document reads each of them, resolve.go decides what
// is live, check.go asks the sources, publish.go makes the [Snapshot]; follow.go reads again what package watch has noticed. A
// mistake in a file is a [Diagnostic].
package catalog
