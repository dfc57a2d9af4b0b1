package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"github.com/solucao42/caddy-data-api/source"
)

// versioned are the statements whose rows a check depends on: the build of SQLite, how often the schema was changed, and what it says.
// Nothing can be attached, functions and limits are the same on every connection, and collations are named by the schema.
//
// The count is not enough: it is the same in two files that one script has made with other columns, and in a file that is
// overwritten. The texts are not enough: a schema that was changed and changed back has the same. Which file it is says less
// than both, since a file that is made again every night, or found on another mount after a restart, mostly has the schema that it had.
var versioned = []string{
	"SELECT sqlite_source_id()",
	"PRAGMA schema_version",
	"SELECT type, name, tbl_name, sql FROM sqlite_schema",
}

// Version implements [source.Versioned]. It reads the schema, and no table.
func (s *Source) Version(ctx context.Context) (version string, err error) {
	err = s.use(ctx, func(c *conn) error {
		c.describes = true
		defer func() { c.describes = false }()
		told := sha256.New()
		for _, sql := range versioned {
			if err := c.tell(told, sql); err != nil {
				return err
			}
		}
		version = hex.EncodeToString(told.Sum(nil))
		return nil
	})
	if source.Code(err) == failed { // such as a schema of a later format: each check says so itself
		return "", fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return "", err
	}
	return version, nil
}

// failed is the code of [source.Failed].
var failed = source.Code(source.Failed(nil))

// tell adds the rows of a statement to a hash.
func (c *conn) tell(told hash.Hash, sql string) (err error) {
	stmt, _, err := c.db.Prepare(sql)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	for stmt.Step() {
		for column := range stmt.ColumnCount() {
			fmt.Fprintf(told, "%q ", stmt.ColumnText(column)) // in quotes, so that no two rows look alike
		}
		fmt.Fprintln(told)
	}
	return stmt.Err()
}

var _ source.Versioned = (*Source)(nil)
