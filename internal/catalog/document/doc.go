// Package document reads one document of the catalog: an endpoint with its statement, or a company.
//
// It takes text, and gives what the text says or [Diagnostics] that name the place, what is allowed there and what was
// probably meant. Where the text comes from, what the other documents say, and what of it all goes live is for package
// catalog to know. It asks no database: [Dialects] say how a statement is read.
//
// Start reading at [ParseEndpoint] and [ParseCompany]. yaml.go makes a tree of nodes with places, fields.go reads values
// from it, meant.go guesses what an author meant. [Report] collects what is wrong.
package document
