package sqltext_test

import (
	"fmt"

	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// mysql are the rules of a database that writes comments after a hash and names in backticks.
var mysql = sqltext.Rules{Backslashes: true, HashComments: true, Backticks: true}

// A dialect finds the parameters of a statement, and not what only looks like one in a text or a comment.
func ExampleRules_Scan() {
	var dialect source.Dialect = mysql

	reading := dialect.Scan("SELECT `a@b`, '@text' FROM sales WHERE city = @city # and @comment")
	for _, param := range reading.Params {
		fmt.Println(param.Name, param.Offset)
	}

	reading = dialect.Scan("SELECT 1; DELETE FROM sales")
	for _, fault := range reading.Faults {
		fmt.Println(fault.Offset, fault.Message)
	}
	// Output:
	// city 46
	// 10 only one statement is allowed: remove what follows its semicolon
}

// Next divides a text into tokens, as a source does that replaces each @name by its database's own placeholder.
func ExampleRules_Next() {
	const sql = "SELECT '@text' WHERE city = @city"

	var bound []byte
	for at := 0; at < len(sql); {
		kind, end := mysql.Next(sql, at)
		if kind == sqltext.At {
			bound = append(bound, '?')
		} else {
			bound = append(bound, sql[at:end]...)
		}
		at = end
	}
	fmt.Println(string(bound))
	// Output:
	// SELECT '@text' WHERE city = ?
}
