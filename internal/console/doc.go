// Package console serves the web application of package web: as the console, and as the documentation page, which is its
// other face. Both are the same files below two paths.
//
// Everything that the application needs is embedded; it loads nothing from elsewhere, and knows nothing that is not public.
// What a user sees there comes from the API, over HTTP, with that user's token. So this package imports nothing of ours but
// the files, and needs no rights.
//
// Start reading at [Handler]; files.go has the files and their codings.
package console
