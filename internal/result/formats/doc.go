// Package formats lists the formats in which results can be had: a new one is a [result.Format] beside its encoder, and a line
// here. Routes, the Accept header, OpenAPI and downloads follow from the list.
//
// It knows neither HTTP nor who asks. It is apart from package result so that only those who need all formats import them
// all. Start reading at the list.
package formats
