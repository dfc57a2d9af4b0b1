// Package documents keeps the small things that people make over the API and that change rarely: endpoints of the console,
// companies, users. A document has a kind, a key, a value, and a revision that rises with each change, so that nobody
// overwrites what they have not seen.
//
// It knows neither what the values mean nor where they are stored: the stores implement [Store], and the packages that read the
// values own their formats.
//
// Start reading at [Document], then [Library], which everything but the stores goes through.
package documents
