package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/vfs"

	"github.com/solucao42/caddy-data-api/source"
)

// The limits of a connection. Callers reach SQLite with parameters alone; these limits bound what a statement and its
// parameters together can ask for. See https://sqlite.org/limits.html and https://sqlite.org/security.html.
const (
	maxMemory      = 64 << 20 // bytes that SQLite may use on one connection
	maxLength      = 4 << 20  // bytes of a value or a row
	maxSQLLength   = 256 << 10
	maxExprDepth   = 500
	maxCompound    = 100
	maxVDBEOps     = 25_000
	maxLikePattern = 100             // bytes: LIKE and GLOB take time in the product of pattern and text, and cannot be interrupted
	maxArguments   = 100             // of a function
	busyTimeout    = 2 * time.Second // how long to wait for another process that holds a lock
	maxStatements  = 128             // that a connection keeps prepared
)

// conn is one connection. It is used by one goroutine at a time.
type conn struct {
	db         *sqlite3.Conn
	files      *files
	file       fs.FileInfo // of the file that is open, to tell when another takes its name
	denied     string      // what the authorizer denied last
	describes  bool        // it may read what the database says of its tables
	statements map[*query]*prepared
	runs       uint64

	// Kept from run to run, so that a row costs no allocation.
	reader cellReader
	row    []source.Value
	forms  []form
	inSink bool // while the sink runs, whose panics are not the driver's
}

// open opens the database and closes every door but reading. It reads the file's header, so that a file that is no
// database is found here. It blocks while another process holds a lock, until ctx ends.
func open(ctx context.Context, path string) (_ *conn, err error) {
	files := newFiles()
	db, err := sqlite3.OpenContext(sqlite3.WithMaxMemory(ctx, maxMemory), uri(path, files.name))
	if err != nil {
		files.close()
		return nil, fmt.Errorf("%s: %w", path, err) // the driver does not name the file, and a relative path begins somewhere
	}
	c := &conn{db: db, files: files, statements: make(map[*query]*prepared)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	db.SetInterrupt(ctx)
	files.db = db
	if err := db.BusyTimeout(busyTimeout); err != nil {
		return nil, err
	}
	if c.file, err = openFile(db); err != nil {
		return nil, err
	}
	if err := fts5.Register(db); err != nil {
		return nil, err
	}
	if err := registerFunctions(db); err != nil {
		return nil, err
	}
	if err := c.restrict(); err != nil {
		return nil, err
	}
	return c, nil
}

// uri writes a path as a file: URI, which is the only form in which SQLite heeds mode=ro. Its files are opened by the VFS.
func uri(path, vfs string) string {
	path = filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		path = "/" + path // file:///C:/data.db
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&vfs=" + vfs}
	return name.String()
}

// openFile returns the identity of the file that the connection really holds open: asking the path instead could tell
// of a file that was renamed over it meanwhile.
func openFile(db *sqlite3.Conn) (fs.FileInfo, error) {
	handle, err := db.FileControl("main", sqlite3.FCNTL_FILE_POINTER)
	if err != nil {
		return nil, err
	}
	for {
		switch file := handle.(type) {
		case interface{ Stat() (fs.FileInfo, error) }:
			return file.Stat()
		case vfs.FileUnwrap:
			handle = file.Unwrap()
		default:
			return nil, fmt.Errorf("the driver does not tell which file it opened (%T)", handle)
		}
	}
}

// restrict sets what https://sqlite.org/security.html advises for untrusted SQL. The authorizer comes last, since it
// denies the pragmas too.
func (c *conn) restrict() error {
	for _, pragma := range []string{"query_only = ON", "trusted_schema = OFF", "cell_size_check = ON", "schema_version"} {
		if err := c.db.Exec("PRAGMA " + pragma); err != nil {
			return err
		}
	}
	for option, on := range map[sqlite3.DBConfig]bool{
		sqlite3.DBCONFIG_DEFENSIVE:             true,
		sqlite3.DBCONFIG_TRUSTED_SCHEMA:        false,
		sqlite3.DBCONFIG_WRITABLE_SCHEMA:       false,
		sqlite3.DBCONFIG_ENABLE_LOAD_EXTENSION: false,
		sqlite3.DBCONFIG_ENABLE_TRIGGER:        false,
		sqlite3.DBCONFIG_DQS_DML:               false, // a misspelt "column" is a fault, not a string
	} {
		if set, err := c.db.Config(option, on); err != nil || set != on {
			return fmt.Errorf("option %d of the connection cannot be set to %t: %w", option, on, err)
		}
	}
	for category, limit := range map[sqlite3.LimitCategory]int{
		sqlite3.LIMIT_ATTACHED:            0,
		sqlite3.LIMIT_WORKER_THREADS:      0,
		sqlite3.LIMIT_LENGTH:              maxLength,
		sqlite3.LIMIT_SQL_LENGTH:          maxSQLLength,
		sqlite3.LIMIT_EXPR_DEPTH:          maxExprDepth,
		sqlite3.LIMIT_COMPOUND_SELECT:     maxCompound,
		sqlite3.LIMIT_VDBE_OP:             maxVDBEOps,
		sqlite3.LIMIT_LIKE_PATTERN_LENGTH: maxLikePattern,
		sqlite3.LIMIT_FUNCTION_ARG:        maxArguments,
	} {
		c.db.Limit(category, limit)
		if set := c.db.Limit(category, -1); set != limit {
			return fmt.Errorf("limit %d of the connection is %d and not %d", category, set, limit)
		}
	}
	if readOnly, _ := c.db.ReadOnly("main"); !readOnly {
		return errors.New("the database was opened for writing")
	}
	return c.db.SetAuthorizer(c.authorize)
}

// holds reports whether path still names the file that the connection has open.
func (c *conn) holds(path string) bool {
	now, err := os.Stat(path)
	return err == nil && os.SameFile(now, c.file)
}

// statement returns the query's statement, prepared before or now.
func (c *conn) statement(q *query) (*prepared, error) {
	c.runs++
	p := c.statements[q]
	if p == nil {
		if len(c.statements) >= maxStatements {
			c.evict()
		}
		var err error
		if p, err = c.prepare(q); err != nil {
			return nil, err
		}
		c.statements[q] = p
	}
	p.used = c.runs
	return p, nil
}

// evict gives up the statement that has not run for longest. Statements of endpoints that were replaced end here too.
func (c *conn) evict() {
	var oldest *query
	least := uint64(math.MaxUint64)
	for q, p := range c.statements {
		if p.used < least {
			oldest, least = q, p.used
		}
	}
	finalize(c.statements[oldest].stmt)
	delete(c.statements, oldest)
}

// finalize frees a statement. SQLite repeats the error of the statement's last run then, and the driver its panic when
// that was a lack of memory; the statement is free all the same.
func finalize(stmt *sqlite3.Stmt) {
	defer func() { _ = recover() }()
	_ = stmt.Close()
}

// close frees the connection. After a fault in the driver freeing can fail as well: that is an error, not a panic.
func (c *conn) close() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sqlite: closing a connection: %v", p)
		}
	}()
	defer c.files.close()
	c.db.SetInterrupt(context.Background())
	for _, p := range c.statements {
		finalize(p.stmt)
	}
	return c.db.Close()
}
