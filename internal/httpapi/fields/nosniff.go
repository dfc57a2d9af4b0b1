package fields

import "net/http"

// SetNoSniff keeps browsers from taking an answer for a page: titles, cells and messages are other people's texts. The value is the answer's
// own: Caddy's header directive changes values in place, and one that answers share would be changed again for each of them.
func SetNoSniff(header http.Header) { header["X-Content-Type-Options"] = []string{"nosniff"} }
