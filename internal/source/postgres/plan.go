package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/statement"
	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
	"github.com/solucao42/caddy-data-api/source"
)

// plan is how a query runs, as the schema was when it was made. It is immutable.
type plan struct {
	name      string // of the prepared statement; made from its content, so that equal queries share it
	sql       string
	paramOIDs []uint32
	columns   []source.Column
	codecs    []values.Codec
	formats   []int16
	fields    []uint32  // the types that the statement must describe
	readers   sync.Pool // of *reader
	acts      bool      // the statement calls functions that may act on its session
	converts  bool      // values of the statement's result
}

const declare = "DECLARE data_api_check NO SCROLL CURSOR FOR "

// makePlan asks the database whether the statement is one read-only query, and what it answers with.
func (q *query) makePlan(ctx context.Context, c *conn) (p *plan, err error) {
	if !q.source.config.NoStatementCache {
		described, err := q.judgeAtOnce(ctx, c)
		if err != nil {
			return nil, err
		}
		if described != nil {
			return q.planOf(ctx, c, described)
		}
	}
	return q.makePlanByStep(ctx, c)
}

// makePlanByStep asks so that each fault is told with its words.
func (q *query) makePlanByStep(ctx context.Context, c *conn) (p *plan, err error) {
	if err := c.transaction(ctx, func() error { return q.declareCursor(ctx, c) }); err != nil {
		return nil, err
	}
	err = c.transaction(ctx, func() error {
		p, err = q.describe(ctx, c)
		return err
	})
	return p, err
}

// describe makes a plan of what the database says of the statement.
func (q *query) describe(ctx context.Context, c *conn) (*plan, error) {
	described, err := c.pg.Prepare(ctx, "", q.text().Bare, q.paramOIDs)
	if err != nil {
		return nil, q.fault(err, "")
	}
	if err := checkNames(described.Fields); err != nil {
		return nil, err
	}
	types, err := lookUp(ctx, c, values.TypeOIDs(described.Fields))
	if err != nil {
		return nil, err
	}
	acts, err := q.acts(ctx, c)
	if err != nil {
		return nil, err
	}
	return q.newPlan(described, types, acts)
}

// planOf makes a plan of a statement that the database has judged and described. What else must be asked is asked in a transaction.
func (q *query) planOf(ctx context.Context, c *conn, described *pgconn.StatementDescription) (p *plan, err error) {
	if err := checkNames(described.Fields); err != nil {
		return nil, err
	}
	names, err := statement.NamesIn(q.statement.SQL)
	if err != nil {
		return nil, err
	}
	if oids := values.TypeOIDs(described.Fields); allKnown(oids) && q.reachesNone(ctx, names) {
		return q.newPlan(described, nil, false)
	}
	err = c.transaction(ctx, func() error {
		types, err := lookUp(ctx, c, values.TypeOIDs(described.Fields))
		if err != nil {
			return err
		}
		acts, err := q.acts(ctx, c)
		if err != nil {
			return err
		}
		p, err = q.newPlan(described, types, acts)
		return err
	})
	return p, err
}

// acts reports whether the statement may act on its session, and refuses it where it could change the claims.
func (q *query) acts(ctx context.Context, c *conn) (acts bool, err error) {
	names, err := statement.NamesIn(q.statement.SQL)
	if err != nil {
		return false, err
	}
	if acts, err = q.mayAct(ctx, c, names); err != nil {
		return false, err
	}
	if q.source.config.Claims && !q.source.config.AllowSetConfig {
		return acts, q.refuseForgers(ctx, c, names)
	}
	return acts, nil
}

// newPlan makes a plan of what the database has described.
func (q *query) newPlan(described *pgconn.StatementDescription, types map[uint32]values.TypeInfo, acts bool) (*plan, error) {
	p := &plan{paramOIDs: q.paramOIDs, acts: acts}
	expressions := make([]string, len(described.Fields))
	converts := false
	for i, field := range described.Fields {
		codec, convert, err := values.CodecOf(field.DataTypeOID, types)
		if err != nil {
			return nil, err
		}
		spec := q.statement.Columns[field.Name]
		if fault := applySpec(field.Name, spec, &codec); fault != nil {
			return nil, fault
		}
		quoted := `"` + strings.ReplaceAll(field.Name, `"`, `""`) + `"`
		switch {
		case convert:
			expressions[i] = "pg_catalog.to_json(q." + quoted + ") AS " + quoted
		case spec.Scale != nil:
			expressions[i] = "pg_catalog.round(q." + quoted + "::pg_catalog.numeric, " + strconv.Itoa(*spec.Scale) + ") AS " + quoted
			codec.Format, codec.Decode = pgtype.TextFormatCode, values.DecodeNumericText
		default:
			expressions[i] = "q." + quoted
		}
		converts = converts || convert || spec.Scale != nil
		p.columns = append(p.columns, source.Column{
			Name: field.Name, Type: codec.Type, Digits: values.DigitsOf(codec.Type, field.TypeModifier, spec),
		})
		p.codecs = append(p.codecs, codec)
		p.formats = append(p.formats, codec.Format)
		p.fields = append(p.fields, wireType(field.DataTypeOID, convert, spec))
	}
	list := "*"
	p.converts = converts
	if converts {
		list = strings.Join(expressions, ", ")
	}
	p.sql = statement.Comment(q.statement.Name) + "SELECT " + list + " FROM (\n" + q.text().Bare + "\n) AS q LIMIT " + strconv.Itoa(q.statement.MaxRows+1)
	digest := sha256.Sum256(fmt.Appendf(nil, "%s\n%v", p.sql, p.paramOIDs))
	p.name = "data_api_" + hex.EncodeToString(digest[:16])
	p.readers.New = func() any { return values.NewReaderFor(p.columns, p.codecs) }
	return p, nil
}

// declareCursor has the database judge the statement: only one that is a single query without data-modifying parts
// can be a cursor, and declaring it checks privileges without running it. The extended protocol allows one statement.
func (q *query) declareCursor(ctx context.Context, c *conn) error {
	if _, err := c.pg.Prepare(ctx, "", declare+q.text().SQL, q.paramOIDs); err != nil {
		return q.fault(err, declare)
	}
	nulls := make([][]byte, len(q.paramOIDs))
	_, err := c.pg.ExecPrepared(ctx, "", nulls, nil, nil).Close()
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && !slices.Contains(judged, class(answer)) && !excuses(answer) {
		return nil // the planner met a NULL where the statement counts on a value: the statement is not to blame
	}
	return q.fault(err, declare)
}

// judged are the classes of errors that blame the statement.
var judged = []string{classSyntaxOrAccess, classNotSupported, classTransactionState}

// excuses reports an error that says nothing about the statement: one that passes, or a failure of the server itself.
func excuses(answer *pgconn.PgError) bool {
	return passes(answer) || strings.HasPrefix(answer.Code, "58") || strings.HasPrefix(answer.Code, "XX")
}

// fault makes an error about the statement into one for its author.
func (q *query) fault(err error, prefix string) error {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || excuses(answer) {
		return err
	}
	text := q.text()
	offset := text.Offset(int(answer.Position), prefix)
	// The author wrote no DECLARE CURSOR, and should not hear of it.
	message := strings.Replace(answer.Message, "DECLARE CURSOR", "an endpoint", 1)
	switch {
	case answer.Code != syntaxError:
	case strings.Contains(message, "multiple commands"):
		message = "there must be only one statement"
	case offset >= 0 && leads(q.statement.SQL[:offset]):
		message += ". An endpoint is one SELECT, VALUES or WITH statement"
	}
	hint := answer.Hint
	if own := q.mismatch(answer, offset); own != "" {
		hint = own // the server's is about casts, and does not know what is a parameter
	}
	return statementFault(answer, offset, message, hint)
}

// leads reports whether what follows before is the statement's first word.
func leads(before string) bool {
	before = strings.TrimSpace(before)
	return before == "" || strings.HasSuffix(before, "*/")
}

// checkNames refuses names that cannot be keys of a JSON object.
func checkNames(fields []pgconn.FieldDescription) error {
	if len(fields) == 0 {
		return &source.StatementError{Offset: -1, Message: "the statement returns no columns: it must be a SELECT, VALUES or WITH that returns at least one"}
	}
	seen := map[string]int{}
	for i, field := range fields {
		if field.Name == "?column?" {
			return &source.StatementError{Offset: -1, Message: fmt.Sprintf("column %d has no name: give it one with AS", i+1)}
		}
		if first, ok := seen[field.Name]; ok {
			return &source.StatementError{Offset: -1, Message: fmt.Sprintf(
				"columns %d and %d are both named %s: give one of them another name with AS", first+1, i+1, strconv.Quote(field.Name))}
		}
		seen[field.Name] = i
	}
	return nil
}

// wireType is the type that the prepared statement describes for a column.
func wireType(oid uint32, convert bool, spec source.ColumnSpec) uint32 {
	switch {
	case convert:
		return pgtype.JSONOID
	case spec.Scale != nil:
		return pgtype.NumericOID
	}
	return oid
}

// fits reports whether a statement still answers with what the plan expects.
func (p *plan) fits(fields []pgconn.FieldDescription) bool {
	return slices.EqualFunc(fields, p.columns, func(field pgconn.FieldDescription, column source.Column) bool {
		return field.Name == column.Name && values.KeepsDigits(field, column)
	}) && slices.Equal(values.TypeOIDs(fields), p.fields)
}

var (
	errSchemaChanges = errors.New("the schema keeps changing while the statement is prepared")
	errMisfit        = errors.New("the statement's columns are not those of its plan")
)
