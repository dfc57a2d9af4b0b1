package docspage

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	swaggerui "github.com/swaggest/swgui/v5/static"
)

//go:embed assets
var assets embed.FS

// swaggerFiles are those of Swagger UI that the page loads. They are embedded as gzip.
var swaggerFiles = []string{"swagger-ui-bundle.js", "swagger-ui.css"}

// file is one that is served.
type file struct {
	mediaType string
	plain     []byte
	gzipped   []byte
	etag      string // of the contents, without the quotes
}

// files are those that are served, by name. They are unpacked, which takes some megabytes, when the first is asked for.
var files = sync.OnceValues(func() (map[string]file, error) {
	found := make(map[string]file)
	own, err := fs.ReadDir(assets, "assets")
	if err != nil {
		return nil, err
	}
	for _, entry := range own {
		text, err := assets.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, err
		}
		found[entry.Name()] = newFile(entry.Name(), text, pack(text))
	}
	for _, name := range swaggerFiles {
		packed, err := swaggerui.FS.ReadFile(name + ".gz")
		if err != nil {
			return nil, err
		}
		text, err := unpack(packed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		found[name] = newFile(name, text, packed)
	}
	return found, nil
})

func pack(text []byte) []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(text) // a buffer takes everything
	_ = writer.Close()
	return packed.Bytes()
}

func unpack(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func newFile(name string, plain, gzipped []byte) file {
	digest := sha256.Sum256(plain)
	return file{mediaType: mediaTypes[path.Ext(name)], plain: plain, gzipped: gzipped, etag: hex.EncodeToString(digest[:12])}
}

// mediaTypes are stated here, since the tables of some systems have others.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// Handler serves the page below a path. Make it with [New].
type Handler struct {
	base   string
	prefix string // of the path that was asked for, which is not in the request any more
	root   file   // root.js: where the API is
}

// New makes a handler of the page below base, such as /docs.
func New(base string) *Handler {
	base = strings.TrimSuffix(base, "/")
	// The page finds the API by its own address, so that it does whatever stands before both of them.
	script := []byte(`export const root = new URL("` + strings.Repeat("../", strings.Count(base, "/")) + `", import.meta.url).pathname;` + "\n")
	return &Handler{base: base, root: newFile("root.js", script, pack(script))}
}

// Below returns the same handler for a request from whose path a prefix was taken away.
func (h *Handler) Below(prefix string) *Handler {
	below := *h
	below.prefix = prefix
	return &below
}

// policy allows what the page itself brings, and requests to where it came from. The images of Swagger UI's style sheet
// are data.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP answers GET and HEAD of the page and its parts, and sends the base without a slash to the one with it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
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
		http.Redirect(w, r, h.prefix+h.base+"/", http.StatusPermanentRedirect)
		return
	}
	if name == "" {
		name = "index.html"
	}
	if name == "root.js" {
		h.root.serve(w, r)
		return
	}
	all, err := files()
	if err != nil { // of what is embedded: a test would have seen it
		http.Error(w, "The page cannot be read.", http.StatusInternalServerError)
		return
	}
	found, ok := all[name]
	if !ok {
		http.Error(w, "There is nothing here.", http.StatusNotFound)
		return
	}
	found.serve(w, r)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.mediaType)
	header.Set("Cache-Control", "no-cache") // it may be kept, and is asked about each time
	header.Set("Vary", "Accept-Encoding")
	content, etag := f.plain, f.etag
	if acceptsGzip(r.Header) {
		content, etag = f.gzipped, f.etag+"-gzip"
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", strconv.Quote(etag))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3) as far as that what refuses gzip does not get it.
func acceptsGzip(header http.Header) bool {
	for field := range strings.SplitSeq(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		coding, parameters, _ := strings.Cut(field, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		_, weight, weighted := strings.Cut(parameters, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return !weighted || err == nil && q > 0
	}
	return false
}
