package demodata

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// version is kept in the database's user_version. Raise it with every change of schema or contents, so that a
// database that an earlier demo left is made again.
const version = 1

const schema = `
CREATE TABLE vendas (
	id             INTEGER PRIMARY KEY,
	data           TEXT    NOT NULL,  -- YYYY-MM-DD
	regiao         TEXT    NOT NULL,
	produto        TEXT    NOT NULL,
	cliente_id     INTEGER NOT NULL,
	quantidade     INTEGER NOT NULL,
	valor_centavos INTEGER NOT NULL   -- whole cents: SQLite has no exact decimal type
) STRICT;
CREATE TABLE txhousing (
	city      TEXT    NOT NULL,
	year      INTEGER NOT NULL,
	month     INTEGER NOT NULL,
	sales     INTEGER,  -- homes sold; NULL here and below: not reported
	volume    INTEGER,  -- US dollars
	median    INTEGER,  -- US dollars
	listings  INTEGER,
	inventory REAL,     -- months
	PRIMARY KEY (city, year, month)
) STRICT, WITHOUT ROWID;`

// The indexes are made after the rows: sorting once is cheaper than keeping order on every insert.
const indexes = `
CREATE INDEX vendas_data ON vendas (data, regiao);
CREATE INDEX txhousing_year ON txhousing (year, month);
ANALYZE;`

// Ensure makes the database at path from the generated sales and the gzipped CSV file housing, unless a database of
// the present version is already there. It reports whether it made one. The directory of path is created. A run
// that is cut short leaves no half-made database: the file takes its name only once it is complete.
func Ensure(path, housing string) (made bool, err error) {
	if current(path) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return false, err
	}
	unfinished := path + ".unfinished"
	if err := remove(unfinished); err != nil {
		return false, err
	}
	if err := create(unfinished, housing); err != nil {
		return false, errors.Join(fmt.Errorf("demo database: %w", err), remove(unfinished))
	}
	// A write-ahead log beside an older database would be read into the new one.
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := remove(path + suffix); err != nil {
			return false, err
		}
	}
	return true, os.Rename(unfinished, path)
}

// current reports whether path holds a database of the present version. Whatever cannot be read is not current.
func current(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READONLY)
	if err != nil {
		return false
	}
	defer db.Close()
	stmt, _, err := db.Prepare(`PRAGMA user_version`)
	if err != nil {
		return false
	}
	defer stmt.Close()
	return stmt.Step() && stmt.ColumnInt(0) == version
}

func create(path, housing string) (err error) {
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	if err := db.Exec("BEGIN;" + schema); err != nil {
		return err
	}
	if err := insertSales(db); err != nil {
		return fmt.Errorf("vendas: %w", err)
	}
	if err := insertHousing(db, housing); err != nil {
		return fmt.Errorf("txhousing: %w", err)
	}
	return db.Exec(fmt.Sprintf("%s PRAGMA user_version = %d; COMMIT;", indexes, version))
}

// insert fills a table of n columns: rows calls its argument with each row's values.
func insert(db *sqlite3.Conn, table string, n int, rows func(add func(values ...any) error) error) (err error) {
	placeholders := strings.TrimSuffix(strings.Repeat("?,", n), ",")
	stmt, _, err := db.Prepare(fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, placeholders))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	return rows(func(values ...any) error {
		for i, value := range values {
			if err := bind(stmt, i+1, value); err != nil {
				return err
			}
		}
		return stmt.Exec()
	})
}

func bind(stmt *sqlite3.Stmt, position int, value any) error {
	switch v := value.(type) {
	case nil:
		return stmt.BindNull(position)
	case int:
		return stmt.BindInt(position, v)
	case float64:
		return stmt.BindFloat(position, v)
	case string:
		return stmt.BindText(position, v)
	default:
		return fmt.Errorf("no binding for a %T", value)
	}
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
