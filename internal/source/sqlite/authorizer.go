package sqlite

import (
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// authorize decides what a statement may do, while SQLite compiles it. It allows reading and nothing else; an action
// that a later SQLite adds is denied too.
func (c *conn) authorize(action sqlite3.AuthorizerActionCode, first, second, _, _ string) sqlite3.AuthorizerReturnCode {
	switch action {
	case sqlite3.AUTH_SELECT, sqlite3.AUTH_RECURSIVE:
		return sqlite3.AUTH_OK
	case sqlite3.AUTH_READ:
		// A pragma's table-valued form runs the pragma when it is read.
		if !strings.HasPrefix(strings.ToLower(first), "pragma_") || c.describes && describing[first] {
			return sqlite3.AUTH_OK
		}
		c.denied = "the table " + first
	case sqlite3.AUTH_FUNCTION:
		if !deniedFunctions[strings.ToLower(second)] {
			return sqlite3.AUTH_OK
		}
		c.denied = "the function " + second
	case sqlite3.AUTH_PRAGMA:
		// Full-text search asks for the data version by itself, to know whether its cache is good.
		if strings.EqualFold(first, "data_version") && second == "" || c.describes && describing[first] {
			return sqlite3.AUTH_OK
		}
		c.denied = "PRAGMA " + first
	default:
		c.denied = deniedAction(action)
	}
	return sqlite3.AUTH_DENY
}

// deniedFunctions reach outside the database, or stop the clock. None of the former is in this build of SQLite; a build or
// an extension that is linked into the same program could bring them.
var deniedFunctions = map[string]bool{
	"load_extension": true, "fts3_tokenizer": true, "edit": true, "readfile": true, "writefile": true, "lsmode": true,
	"fsdir": true, "sqlite_crypt": true, "sqlite_attach": true, "sqlite_detach": true,
	"sqlite_rename_column": true, "sqlite_rename_table": true, "sqlite_log": true,
	// These take time in the square of what they get, and cannot be interrupted.
	"json_patch": true, "jsonb_patch": true,
}

// deniedAction names an action for the author of a statement.
func deniedAction(action sqlite3.AuthorizerActionCode) string {
	switch action {
	case sqlite3.AUTH_INSERT, sqlite3.AUTH_UPDATE, sqlite3.AUTH_DELETE:
		return "changing a table"
	case sqlite3.AUTH_ATTACH, sqlite3.AUTH_DETACH:
		return "attaching another database"
	case sqlite3.AUTH_TRANSACTION, sqlite3.AUTH_SAVEPOINT:
		return "controlling transactions"
	default:
		return "changing the schema"
	}
}
