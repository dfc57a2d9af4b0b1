// Package source says what a database must do to serve endpoints: the interfaces, the types of values, and the errors. Every
// source is written against it, the built-in ones and those of others alike. A source is a Caddy module in the
// namespace data_api.sources that implements [Module]; docs/sources.md shows how to write one, and package sourcetest
// tests it.
//
// It knows neither Caddy nor HTTP, nor what an endpoint is. It is public: a change here is a change for every source.
//
// Start reading at [Source] and [Query]. The examples show a small query and the errors that it returns.
package source
