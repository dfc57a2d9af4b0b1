package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/web"
)

// Files are those of the application. They are read when the first is asked for, and compressed, each, when somebody takes it
// compressed.
type Files struct {
	read func() (contents, error)
}

// Embedded are the files of package web.
var Embedded = NewFiles(func() (fs.FS, error) { return fs.Sub(web.Dist, "dist") })

// NewFiles makes files of a file system that does not change.
func NewFiles(open func() (fs.FS, error)) *Files {
	return &Files{read: sync.OnceValues(func() (contents, error) {
		files, err := open()
		if err != nil {
			return contents{}, err
		}
		return readAll(files)
	})}
}

// contents are the files by their paths, and apart from them the document that all pages are.
type contents struct {
	document string
	files    map[string]*file
}

// documentName is the name of the document.
const documentName = "index.html"

func readAll(files fs.FS) (contents, error) {
	read := contents{files: make(map[string]*file)}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if name == documentName {
			read.document = string(text)
			return nil
		}
		read.files[name], err = newFile(name, text)
		return err
	})
	if err == nil && read.document == "" {
		err = errors.New("there is no " + documentName)
	}
	return read, err
}

// file is one that is served as it is.
type file struct {
	mediaType string
	plain     []byte
	packed    func() []byte // gzip; nil: it is compressed already
	etag      string        // of the contents, without the quotes
	forGood   bool          // its name changes with its contents
}

// mediaTypes are stated here, since the tables of some systems have others.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".webmanifest": "application/manifest+json",
}

// compressed are the endings of files that gzip makes no smaller.
var compressed = map[string]bool{".png": true, ".ico": true, ".woff2": true}

// hashed matches the names that the build gives: a name, the hash of the contents, and an ending.
var hashed = regexp.MustCompile(`^assets/.*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$`)

func newFile(name string, text []byte) (*file, error) {
	ending := path.Ext(name)
	made := &file{mediaType: mediaTypes[ending], plain: text, forGood: hashed.MatchString(name)}
	if made.mediaType == "" {
		return nil, fmt.Errorf("%s: no media type is known for %q", name, ending)
	}
	digest := sha256.Sum256(text)
	made.etag = hex.EncodeToString(digest[:12])
	if !compressed[ending] {
		made.packed = sync.OnceValue(func() []byte { return pack(text) })
	}
	return made, nil
}

func pack(text []byte) []byte {
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = writer.Write(text) // a buffer takes everything
	_ = writer.Close()
	return packed.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.mediaType)
	header.Set("Cache-Control", "no-cache") // it may be kept, and is asked about each time
	if f.forGood {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, etag := f.plain, f.etag
	if f.packed != nil {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header) {
			content, etag = f.packed(), f.etag+"-gzip"
			header.Set("Content-Encoding", "gzip")
		}
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
