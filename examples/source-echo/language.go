package echo

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// The language has one kind of statement: SELECT and columns with commas between them. A column is a parameter or a function,
// with a name: SELECT @p AS v, greeting() AS w. A row has a value of each column; the result ends with the first column that does.
var (
	selectForm = regexp.MustCompile(`^\s*(?i:SELECT)\s`)
	columnForm = regexp.MustCompile(`^\s*(?:(\w+)\(\s*(@[a-z_]\w*)?\s*\)|(@[a-z_]\w*))\s+(?i:AS)\s+([A-Za-z_]\w*)\s*$`)
	paramForm  = regexp.MustCompile(`@[a-z_]\w*`)
)

// column is one column of a parsed statement.
type column struct {
	function string // one of functions
	param    string // the parameter that it takes; may be empty
	name     string
	offset   int // of the parameter, or else of the column
}

// function makes the values of a column.
type function struct {
	takes  func(source.Param) bool // the zero Param is none
	column source.Type             // empty: as the parameter
	value  func(run execution, argument source.Argument, v *source.Value) (more bool, err error)
}

// cell is a column of a query: a function, and which argument it takes, or -1.
type cell struct {
	value    func(execution, source.Argument, *source.Value) (bool, error)
	argument int
	scale    *int // digits after the point of a decimal; nil: as it comes
}

// round gives a decimal the scale that its endpoint declares, exactly.
func (c cell) round(v *source.Value) {
	if c.scale == nil || v.Kind != source.KindDecimal {
		return
	}
	if number, ok := new(big.Rat).SetString(string(v.Bytes)); ok {
		v.Bytes = []byte(number.FloatString(*c.scale))
	}
}

// execution is what a function sees of a run.
type execution struct {
	ctx context.Context
	db  *database
	row int // from 1
}

// functions are all there are. The one without a name is a parameter alone.
var functions = map[string]function{
	"": {isScalar, "", func(run execution, p source.Argument, v *source.Value) (bool, error) {
		return run.row == 1, hold(v, p)
	}},
	"each": {isArray, "", func(run execution, p source.Argument, v *source.Value) (bool, error) {
		if run.row > len(p.Items) {
			return false, nil
		}
		return true, hold(v, p.Items[run.row-1])
	}},
	"series": {isInteger, source.TypeBigInt, func(run execution, n source.Argument, v *source.Value) (bool, error) {
		*v = source.Value{Kind: source.KindInt, Int: int64(run.row)}
		return int64(run.row) <= n.Int, nil
	}},
	"json": {isString, source.TypeJSON, func(run execution, p source.Argument, v *source.Value) (bool, error) {
		if p.Null {
			return run.row == 1, hold(v, p)
		}
		if !json.Valid([]byte(p.Text)) {
			return false, source.ValueRefused(fmt.Errorf("echo: %q is no JSON", p.Text), "")
		}
		*v = source.Value{Kind: source.KindJSON, Bytes: []byte(p.Text)}
		return run.row == 1, nil
	}},
	"greeting": {isNone, source.TypeVarchar, func(run execution, _ source.Argument, v *source.Value) (bool, error) {
		*v = source.Value{Kind: source.KindText, Bytes: []byte(run.db.greeting)}
		return run.row == 1, nil
	}},
	"nothing": {isNone, source.TypeBigInt, func(execution, source.Argument, *source.Value) (bool, error) { return false, nil }},
	"endless": {isNone, source.TypeBigInt, func(run execution, _ source.Argument, _ *source.Value) (bool, error) {
		<-run.ctx.Done()
		return false, nil // Run says why
	}},
	"fail": {isNone, source.TypeBigInt, func(execution, source.Argument, *source.Value) (bool, error) {
		return false, source.Failed(errors.New("echo: the statement has asked to fail"))
	}},
}

func isNone(p source.Param) bool    { return p.Name == "" }
func isScalar(p source.Param) bool  { return p.Name != "" && !p.Array }
func isArray(p source.Param) bool   { return p.Array }
func isInteger(p source.Param) bool { return isScalar(p) && p.Type == source.ParamInteger }
func isString(p source.Param) bool  { return isScalar(p) && p.Type == source.ParamString }

// columnTypes are the types of columns that show parameters.
var columnTypes = map[source.ParamType]source.Type{
	source.ParamString: source.TypeVarchar, source.ParamInteger: source.TypeBigInt, source.ParamDecimal: source.TypeDecimal,
	source.ParamBoolean: source.TypeBoolean, source.ParamDate: source.TypeDate, source.ParamTimestamp: source.TypeTimestampTZ,
	source.ParamUUID: source.TypeUUID,
}

// hold puts an argument into a value, of the kind that its column's type asks for.
func hold(v *source.Value, p source.Argument) error {
	*v = source.Value{}
	if p.Null {
		return nil
	}
	var err error
	var moment time.Time
	switch p.Type {
	case source.ParamInteger:
		v.Kind, v.Int = source.KindInt, p.Int
	case source.ParamBoolean:
		v.Kind, v.Int = source.KindBool, p.Int
	case source.ParamDecimal: // the digits as they came: a float would lose some
		v.Kind, v.Bytes = source.KindDecimal, []byte(p.Text)
	case source.ParamDate:
		moment, err = time.Parse(time.DateOnly, p.Text)
		v.Kind, v.Int = source.KindDate, moment.Unix()/(24*60*60)
	case source.ParamTimestamp:
		moment, err = time.Parse(time.RFC3339Nano, p.Text)
		v.Kind, v.Int = source.KindTimestampTZ, moment.UnixMicro()
	case source.ParamUUID:
		v.Kind = source.KindUUID
		v.Bytes, err = hex.DecodeString(strings.ReplaceAll(p.Text, "-", ""))
	default:
		v.Kind, v.Bytes = source.KindText, []byte(p.Text)
	}
	if err != nil {
		return source.Failed(err)
	}
	return nil
}

// parse reads a statement. Both Compile and the dialect use it, so that they agree about what is a fault.
func parse(sql string) (columns []column, fault *source.StatementError) {
	offset := len(selectForm.FindString(sql))
	if offset == 0 {
		return nil, &source.StatementError{Message: "a statement begins with SELECT"}
	}
	for part := range strings.SplitSeq(sql[offset:], ",") {
		found := columnForm.FindStringSubmatch(part)
		if found == nil {
			return nil, &source.StatementError{Offset: offset, Message: "a column is written @parameter AS name, or function(@parameter) AS name"}
		}
		made := column{function: found[1], param: strings.TrimPrefix(found[2]+found[3], "@"), name: found[4]}
		made.offset = offset + max(0, strings.Index(part, cmp.Or(found[2]+found[3], found[1])))
		if _, known := functions[made.function]; !known {
			return nil, &source.StatementError{Offset: offset + strings.Index(part, made.function), Message: "there is no function " + made.function}
		}
		if slices.ContainsFunc(columns, func(other column) bool { return other.name == made.name }) {
			return nil, &source.StatementError{Offset: made.offset, Message: "there are two columns " + made.name}
		}
		columns = append(columns, made)
		offset += len(part) + len(",")
	}
	return columns, nil
}

// dialect reads statements without a database. A database that speaks SQL needs none of its own, but a Rules of package sqltext.
type dialect struct{}

// Scan implements [source.Dialect].
func (dialect) Scan(sql string) source.Reading {
	var reading source.Reading
	for _, place := range paramForm.FindAllStringIndex(sql, -1) {
		// Sure, because this language has nothing else with @: no text in quotes, no comments.
		reading.Params = append(reading.Params, source.ParamUse{Name: sql[place[0]+1 : place[1]], Offset: place[0], Sure: true})
	}
	if _, fault := parse(sql); fault != nil {
		reading.Faults = append(reading.Faults, source.TextDiagnostic{Offset: fault.Offset, Message: fault.Message})
	}
	return reading
}
