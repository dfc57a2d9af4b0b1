// Package docspage serves the documentation page: sign in, see one's own endpoints, run them, take the call into a program.
//
// Everything that it needs is embedded; it loads nothing from elsewhere, and knows nothing that is not public. What a user
// sees there comes from the API, over HTTP, with that user's token. So it imports nothing of ours and needs no rights.
//
// Start reading at [Handler]; the page itself is the embedded HTML, CSS and JavaScript.
package docspage
