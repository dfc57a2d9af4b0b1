package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/source"
)

// SQLSTATE codes with which PostgreSQL says that types do not go together.
const (
	undefinedFunction = "42883" // operators, too
	datatypeMismatch  = "42804"
	cannotCoerce      = "42846"
	wrongObjectType   = "42809"
)

// operands are what PostgreSQL says of an operator that it does not have for two types, in English.
var operands = regexp.MustCompile(`^operator does not exist: (.+?) ([-+*/<>=~!@#%^&|?]+) (.+)$`)

// mismatch says, for a fault of types at a byte of the statement, how the parameters concerned are bound and what to write
// instead; "" when no parameter has to do with it.
func (q *query) mismatch(answer *pgconn.PgError, offset int) string {
	if offset < 0 {
		return ""
	}
	switch answer.Code {
	case undefinedFunction:
		if parts := operands.FindStringSubmatch(answer.Message); parts != nil {
			return q.operandAdvice(parts[1], parts[2], parts[3], offset)
		}
		if concerned := q.paramsIn(offset, argumentsEnd(q.statement.SQL, offset), answer.Message); len(concerned) > 0 {
			return boundAs(concerned) + ": cast what the function takes otherwise, such as @" + concerned[0].Name + "::int"
		}
	case datatypeMismatch:
		if concerned := q.paramsIn(0, len(q.statement.SQL), answer.Message); len(concerned) > 0 {
			return boundAs(concerned) + ": cast it, or declare it otherwise"
		}
	case cannotCoerce:
		if param, ok := q.beside(offset, true); ok {
			return boundAs([]source.Param{param}) + ": declare it as string, which can be cast to every type"
		}
		if param, ok := q.beside(offset, false); ok {
			return boundAs([]source.Param{param}) + ": declare it as string, which can be cast to every type"
		}
	case wrongObjectType:
		if param, ok := q.beside(offset, true); ok && !param.Array && strings.Contains(answer.Message, "ANY/ALL") {
			return fmt.Sprintf("%s, which is no array: declare it as array<%s>, or compare it without ANY", boundAs([]source.Param{param}), param.Type)
		}
	}
	return ""
}

// operandAdvice is about an operator at a byte of the statement, between values of two types.
func (q *query) operandAdvice(left, operator, right string, offset int) string {
	param, ok := q.beside(offset, true)
	other := left
	if !ok || typeName(param) != right {
		if param, ok = q.beside(offset, false); !ok || typeName(param) != left {
			return ""
		}
		other = right
	}
	bound, word := boundAs([]source.Param{param}), "@"+param.Name
	number := param.Type == source.ParamInteger || param.Type == source.ParamDecimal
	switch {
	case param.Array && operator == "=":
		return bound + ", an array: write = ANY (" + word + ")"
	case param.Array && (operator == "<>" || operator == "!="):
		return bound + ", an array: write <> ALL (" + word + ")"
	case number && (strings.HasPrefix(other, "timestamp") || other == "interval"):
		return bound + ": a number of days is " + word + " * interval '1 day'"
	case number && other == "date":
		return bound + ": write " + word + "::int"
	default:
		return bound + ": write " + word + "::" + other
	}
}

// Between an operator and the parameter on either side of it there are only these.
var (
	beforeParam = regexp.MustCompile(`(?i)^[^\w'"]*(?:(?:not\s+)?in\b|any\b|all\b|cast\b)?[\s(]*$`)
	afterParam  = regexp.MustCompile(`^[\s)]*$`)
)

// beside returns the parameter behind, or before, a byte of the statement with nothing between them but an
// operator and brackets.
func (q *query) beside(offset int, behind bool) (source.Param, bool) {
	for i, edit := range q.text().Edits {
		from, to := min(offset, edit.From), edit.From
		shape := beforeParam
		if !behind {
			from, to, shape = min(edit.FromEnd, offset), offset, afterParam
		}
		if (behind && edit.From < offset || !behind && edit.FromEnd > offset) || !shape.MatchString(q.statement.SQL[from:to]) {
			continue
		}
		return q.paramOf(i), true
	}
	return source.Param{}, false
}

// paramOf returns the parameter that an edit has put in.
func (q *query) paramOf(edit int) source.Param {
	name := q.statement.SQL[q.text().Edits[edit].From+1 : q.text().Edits[edit].FromEnd]
	index := slices.IndexFunc(q.statement.Params, func(p source.Param) bool { return p.Name == name })
	return q.statement.Params[index]
}

// paramsIn lists the parameters between two bytes of the statement whose types a message names.
func (q *query) paramsIn(from, to int, message string) []source.Param {
	var found []source.Param
	for i, edit := range q.text().Edits {
		param := q.paramOf(i)
		named := regexp.MustCompile(`\b` + regexp.QuoteMeta(typeName(param)) + `(?:[^\w\[]|$)`).MatchString(message)
		if edit.From >= from && edit.FromEnd <= to && named && !slices.Contains(found, param) {
			found = append(found, param)
		}
	}
	return found
}

// argumentsEnd returns the end of the brackets that open behind a byte, as far as quotes are not looked at.
func argumentsEnd(sql string, offset int) int {
	depth := 0
	for i := offset; i < len(sql); i++ {
		switch sql[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth <= 0 {
				return i
			}
		}
	}
	return len(sql)
}

// boundAs begins a sentence about parameters.
func boundAs(list []source.Param) string {
	var words []string
	for _, param := range list {
		words = append(words, fmt.Sprintf("@%s is bound as %s", param.Name, typeName(param)))
	}
	return strings.Join(words, ", ")
}

// typeName is how PostgreSQL calls the type that a parameter is bound with.
func typeName(param source.Param) string {
	name := map[source.ParamType]string{
		source.ParamString: "text", source.ParamInteger: "bigint", source.ParamDecimal: "numeric", source.ParamBoolean: "boolean", source.ParamDate: "date",
		source.ParamTimestamp: "timestamp with time zone", source.ParamUUID: "uuid",
	}[param.Type]
	if param.Array {
		name += "[]"
	}
	return name
}
