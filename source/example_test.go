package source_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// numbers is a query that answers with the numbers up to its only argument, an integer.
type numbers struct{ maxRows int }

var _ source.Query = numbers{}

// The columns are known without asking anybody. A query of a real database asks it.
func (numbers) Check(context.Context) ([]source.Column, error) {
	return []source.Column{{Name: "n", Type: source.TypeInteger}}, nil
}

func (q numbers) Run(ctx context.Context, call source.Call, sink source.Sink) error {
	columns, err := q.Check(ctx)
	if err != nil {
		return err
	}
	if err := sink.Columns(columns); err != nil {
		return err // the sink's own, unchanged
	}
	rows := min(call.Args[0].Int, int64(q.maxRows)+1) // one more than allowed, so that the sink sees that it is truncated
	row := make([]source.Value, 1)                    // used again for every row: the sink keeps nothing of it
	for n := range rows {
		switch err := ctx.Err(); {
		case errors.Is(err, context.DeadlineExceeded):
			return source.TimedOut(err)
		case err != nil:
			return err
		}
		row[0] = source.Value{Kind: source.KindInt, Int: n + 1}
		if err := sink.Row(row); err != nil {
			return err
		}
	}
	return nil
}

// The rows are the same for every caller.
func (numbers) UsesClaims() bool { return false }

// printer is a sink that writes rows to the standard output.
type printer struct{}

func (printer) Columns(columns []source.Column) error {
	fmt.Println(columns[0].Name, columns[0].Type)
	return nil
}

func (printer) Row(values []source.Value) error {
	fmt.Println(values[0].Int)
	return nil
}

// A query pushes its columns and rows into a sink, and says by its error why it did not come to an end.
func Example() {
	query := numbers{maxRows: 100}
	three := source.Call{Args: []source.Argument{{Type: source.ParamInteger, Text: "3", Int: 3}}}
	if err := query.Run(context.Background(), three, printer{}); err != nil {
		fmt.Println(err)
	}

	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	fmt.Println(source.Code(query.Run(late, three, printer{})))
	// Output:
	// n integer
	// 1
	// 2
	// 3
	// n integer
	// EXECUTION_TIMEOUT
}

// A driver that cannot connect has run nothing of the statement, so the error is Unavailable: a caller is answered 503, and a
// job waits until the database is back. Once the statement may have begun, the same failure is Interrupted.
func ExampleUnavailable() {
	translate := func(err error, begun bool) error {
		if begun {
			return source.Interrupted(err)
		}
		return source.Unavailable(err)
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

	err := translate(refused, false)
	fmt.Println(source.Code(err), errors.Is(err, syscall.ECONNREFUSED)) // the cause is kept, for the log
	fmt.Println(source.Code(translate(refused, true)))
	// Output:
	// SOURCE_UNAVAILABLE true
	// EXECUTION_INTERRUPTED
}

// The deadline of the call is TimedOut, whatever words the driver has for it. A caller who went away is context.Canceled as it
// is: there is nobody left to answer.
func ExampleTimedOut() {
	translate := func(ctx context.Context, err error) error {
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return source.TimedOut(err)
		case ctx.Err() != nil:
			return context.Canceled
		default:
			return source.Failed(err)
		}
	}
	driver := errors.New("canceling statement due to user request")

	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	fmt.Println(source.Code(translate(late, driver)))

	gone, leave := context.WithCancel(context.Background())
	leave()
	fmt.Println(translate(gone, driver))

	fmt.Println(source.Code(translate(context.Background(), driver)))
	// Output:
	// EXECUTION_TIMEOUT
	// context canceled
	// INTERNAL_ERROR
}

// A statement that is wrong is a StatementError with the place of the mistake, so that its author finds it.
func ExampleStatementError() {
	compile := func(statement source.Statement) error {
		if at := strings.Index(statement.SQL, "@"); at >= 0 && len(statement.Params) == 0 {
			return &source.StatementError{Offset: at, Message: "the parameter is not declared"}
		}
		return nil
	}

	err := compile(source.Statement{SQL: "SELECT @city", MaxRows: 10})
	fmt.Println(err)
	// Output:
	// at byte 7: the parameter is not declared
}
