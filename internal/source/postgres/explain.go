package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/solucao42/caddy-data-api/source"
)

// explain plans and does not run. After the list of options no ANALYZE can follow.
const explain = "EXPLAIN (COSTS ON, FORMAT TEXT) "

// Explain implements [source.Explainer]. The plan is that of the arguments, as a statement is planned the first times that it
// runs, in a transaction that only reads and is rolled back; and as for nobody, where there are claims.
func (q *query) Explain(ctx context.Context, call source.Call) (string, error) {
	if len(call.Args) != len(q.statement.Params) {
		return "", fmt.Errorf("%d arguments for %d parameters", len(call.Args), len(q.statement.Params))
	}
	if q.plan.Load() == nil {
		return "", errors.ErrUnsupported // the database has not accepted it
	}
	a := q.source.attempts(ctx)
	defer a.end()
	var text string
	for c := a.next(); c != nil; c = a.next() {
		a.done(false, q.explainOn(a.running, c, call, &text))
	}
	return text, a.err
}

func (q *query) explainOn(ctx context.Context, c *conn, call source.Call, text *string) error {
	if err := c.limit(ctx); err != nil {
		return err
	}
	bound, err := q.bind(c, call.Args)
	if err != nil {
		return err
	}
	return c.transaction(ctx, func() error {
		answer := c.pg.ExecParams(ctx, explain+q.text().Bare, bound, q.paramOIDs, nil, nil).Read()
		if answer.Err != nil {
			return answer.Err
		}
		lines := make([]string, len(answer.Rows))
		for i, row := range answer.Rows {
			lines[i] = string(row[0])
		}
		*text = withoutValues(strings.Join(lines, "\n"))
		return nil
	})
}

// withoutValues takes all constants out of a plan, since values that were given are among them: planning puts them, and what it has
// computed of them, into conditions. What PostgreSQL says of costs stays.
func withoutValues(plan string) string {
	var out strings.Builder
	for at := 0; at < len(plan); {
		switch c := plan[at]; {
		case c == '\'':
			at = quoted(plan, at)
			out.WriteByte('?')
		case c == '"': // a name
			end := quoted(plan, at)
			out.WriteString(plan[at:end])
			at = end
		case strings.HasPrefix(plan[at:], "(cost="):
			end := at + strings.IndexByte(plan[at:]+")", ')')
			out.WriteString(plan[at:min(end, len(plan))])
			at = min(end, len(plan))
		case isDigit(c):
			at = wordEnd(plan, at, true)
			out.WriteByte('?')
		case isWord(c):
			end := wordEnd(plan, at, false)
			out.WriteString(plan[at:end])
			at = end
		default:
			out.WriteByte(c)
			at++
		}
	}
	return out.String()
}

// quoted returns where a text or a name ends that begins with a quote. A quote in it is doubled.
func quoted(plan string, at int) int {
	quote := plan[at]
	for at++; at < len(plan); at++ {
		if plan[at] != quote {
			continue
		}
		if at+1 == len(plan) || plan[at+1] != quote {
			return at + 1
		}
		at++
	}
	return at
}

// wordEnd returns where a word, or a number, ends.
func wordEnd(plan string, at int, number bool) int {
	for at < len(plan) && (isWord(plan[at]) || number && plan[at] == '.') {
		at++
	}
	return at
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '$' || c >= 0x80
}

var _ source.Explainer = (*query)(nil)
