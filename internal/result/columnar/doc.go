// Package columnar writes results in the formats of Apache Arrow and Apache Parquet. It is apart from package result
// because of the weight of what it imports.
//
// Each encoder bounds what it holds in memory. A value that a format cannot hold exactly is an error, never a rounded
// number: docs/formats.md has the table of types. The package knows neither HTTP nor who asks.
//
// Start reading at schema.go, which maps columns to both formats.
package columnar
