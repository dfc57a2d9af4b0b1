package console

import (
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"path"
	"strings"
)

// Face is what the application shows.
type Face string

// The faces.
const (
	Console Face = "console"
	Docs    Face = "docs"
)

// Handler serves the application below a path, with one of its faces. Make it with [New].
type Handler struct {
	files *Files
	face  Face
	base  string
	paths map[Face]string
}

// New makes a handler of a face. paths says where each face is on the site, such as /console; one that is missing or empty is
// nowhere. That of the face itself must be there.
func New(files *Files, face Face, paths map[Face]string) *Handler {
	return &Handler{files: files, face: face, base: strings.TrimSuffix(paths[face], "/"), paths: paths}
}

// policy allows what the application itself brings, and requests to where it came from. No markup has a script or a style of its
// own but with the nonce, and no text becomes markup or script.
const policy = "default-src 'none'; script-src 'self' 'nonce-%[1]s'; style-src 'self' 'nonce-%[1]s'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// ServeHTTP answers GET and HEAD of the application's files, and with its document every path that could be one of its
// views, so that a view can be linked to and opened again. It sends the base without a slash to the one with it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header, nonce := w.Header(), rand.Text()
	header.Set("Content-Security-Policy", fmt.Sprintf(policy, nonce))
	header.Set("X-Frame-Options", "DENY")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "This page answers GET.", http.StatusMethodNotAllowed)
		return
	}
	name, below := strings.CutPrefix(r.URL.Path, h.base+"/")
	if !below {
		// Relative: a proxy in front may have taken a prefix away.
		header.Set("Location", path.Base(h.base)+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	all, err := h.files.read()
	if err != nil { // of what is embedded: a test would have seen it
		http.Error(w, "The page cannot be read.", http.StatusInternalServerError)
		return
	}
	if found, ok := all.files[name]; ok {
		found.serve(w, r)
		return
	}
	if last := path.Base("/" + name); name != documentName && strings.Contains(last, ".") {
		http.Error(w, "There is nothing here.", http.StatusNotFound)
		return
	}
	h.serveDocument(w, r, all.document, strings.Count(name, "/"), nonce)
}

// serveDocument fills the document in. Its places are relative to the path that was asked for, depth segments below the base, so
// that they are right behind a proxy that takes a prefix away. It holds a nonce, and so is kept nowhere.
func (h *Handler) serveDocument(w http.ResponseWriter, r *http.Request, document string, depth int, nonce string) {
	up := strings.Repeat("../", depth)
	root := up + strings.Repeat("../", strings.Count(h.base, "/"))
	at := func(face Face) string {
		if h.paths[face] == "" {
			return ""
		}
		return html.EscapeString(root + strings.Trim(h.paths[face], "/"))
	}
	text := strings.NewReplacer(
		"__BASE__", strings.TrimSuffix("./"+up, "/"), "__API__", strings.TrimSuffix("./"+root, "/"), "__NONCE__", nonce, "__FACE__", string(h.face),
		"__CONSOLE__", at(Console), "__DOCS__", at(Docs),
	).Replace(document)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept-Encoding")
	body := []byte(text)
	if acceptsGzip(r.Header) {
		w.Header().Set("Content-Encoding", "gzip")
		body = pack(body)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) //nolint:gosec // a reader may have gone; what was filled in was escaped
	}
}
