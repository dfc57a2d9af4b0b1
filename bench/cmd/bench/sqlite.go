package main

import (
	"context"
	"errors"
	"time"

	"github.com/ncruces/go-sqlite3"
)

const fillItems = `
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price NUMERIC NOT NULL, day TEXT NOT NULL,
	changed_at TEXT NOT NULL, active INTEGER NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO items SELECT i, 'Item number ' || i || ' of the catalogue', (i * 7919 % 10000000) / 100.0,
	date('2020-01-01', '+' || (i % 2000) || ' days'), strftime('%Y-%m-%dT%H:%M:%fZ', 1704067200 + i * 1.234, 'unixepoch'),
	i % 3 = 0 FROM n;
`

// fillSQLite makes the same 10,000 items as PostgreSQL has.
func fillSQLite(path string) error {
	db, err := sqlite3.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(db.Exec(fillItems), db.Close())
}

// stepSQLite returns how many rows per second the driver steps through, when nobody looks at them, or when every cell is
// read as what it is.
func (l *lab) stepSQLite(ctx context.Context, read bool) (float64, error) {
	db, err := sqlite3.OpenFlags(l.sqlite, sqlite3.OPEN_READONLY)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	stmt, _, err := db.Prepare(statements["lite"].sql)
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	rows := 0
	started := time.Now()
	for time.Since(started) < time.Duration(l.seconds)*time.Second && ctx.Err() == nil {
		for stmt.Step() {
			rows++
			if read {
				readCells(stmt)
			}
		}
		if err := stmt.Reset(); err != nil {
			return 0, err
		}
	}
	return float64(rows) / time.Since(started).Seconds(), ctx.Err()
}

// readCells reads a row without copying it, as the product's source must to encode it.
func readCells(stmt *sqlite3.Stmt) {
	for column := range stmt.ColumnCount() {
		switch stmt.ColumnType(column) {
		case sqlite3.INTEGER:
			stmt.ColumnInt64(column)
		case sqlite3.FLOAT:
			stmt.ColumnFloat(column)
		default:
			stmt.ColumnRawText(column)
		}
	}
}
