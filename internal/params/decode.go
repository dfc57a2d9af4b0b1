package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// state is how far one parameter of a request has come.
type state uint8

const (
	omitted   state = iota // not in the text, or null in a request
	null                   // null in the text
	given                  // read, or pinned by a share context
	faulty                 // in the text, but not a value of its type, or one that breaks a rule
	defaulted              // its default is taken
)

// unknown is the index of a name that the contract does not have.
const unknown = -1

// binding is the work on one request. It is reused, all but the values, which are handed over.
type binding struct {
	contract *Contract
	values   []source.Argument
	states   []state
	faults   []paramFault
	counts   []int // faults per parameter, with those that are not listed; the last is for unknown names

	input   bytes.Buffer
	decoder *jsontext.Decoder
}

type paramFault struct {
	index int
	dataapi.Fault
}

var bindings = sync.Pool{New: func() any {
	return &binding{decoder: jsontext.NewDecoder(new(bytes.Buffer))}
}}

func startBinding(c *Contract) *binding {
	b := bindings.Get().(*binding)
	b.contract = c
	b.values = make([]source.Argument, len(c.params))
	for i := range c.params {
		b.values[i] = source.Argument{Type: c.params[i].Type, Array: c.params[i].Array, Null: true}
	}
	b.states = append(b.states[:0], make([]state, len(c.params))...)
	b.counts = append(b.counts[:0], make([]int, len(c.params)+1)...)
	return b
}

// release gives the binding back. It keeps nothing of the request: not its values, nor its text.
func (b *binding) release() {
	clear(b.faults[:cap(b.faults)])
	b.contract, b.values, b.faults, b.input = nil, nil, b.faults[:0], bytes.Buffer{}
	b.decoder.Reset(&b.input)
	bindings.Put(b)
}

// decode reads the text into values. An error means that the text is
// not one JSON object with distinct names; everything else that is wrong becomes a fault.
func (b *binding) decode(text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	b.input = *bytes.NewBuffer(text) // a decoder reads straight from a bytes.Buffer, without a copy
	b.decoder.Reset(&b.input)
	switch kind := b.decoder.PeekKind(); kind {
	case '{':
		if err := b.decodeMembers(); err != nil {
			return invalidText(err)
		}
	default:
		value, err := b.decoder.ReadValue()
		if err != nil {
			return invalidText(err)
		}
		if kind != 'n' {
			return dataapi.Errorf(dataapi.CodeInvalidRequest,
				"parameter_values must be a JSON object with one member for each parameter; got %s", dataapi.Echo(string(value)))
		}
	}
	if _, err := b.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "parameter_values must be one JSON object with nothing after it")
	}
	return nil
}

func (b *binding) decodeMembers() error {
	if _, err := b.decoder.ReadToken(); err != nil { // the opening brace
		return err
	}
	for b.decoder.PeekKind() != '}' {
		quoted, err := b.decoder.ReadValue()
		if err != nil {
			return err
		}
		i, err := b.lookUp(quoted)
		if err != nil {
			return err
		}
		switch {
		case i == unknown:
			err = b.decoder.SkipValue()
		case b.contract.params[i].Array:
			err = b.decodeArray(i)
		default:
			err = b.decodeScalar(i)
		}
		if err != nil {
			return err
		}
	}
	_, err := b.decoder.ReadToken()
	return err
}

// lookUp finds the parameter of a name that still has its quotes. It does not allocate for a name that is known.
func (b *binding) lookUp(quoted jsontext.Value) (int, error) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		unquoted, err := jsontext.AppendUnquote(nil, quoted)
		if err != nil {
			return unknown, err
		}
		name = unquoted
	}
	i, ok := b.contract.index[string(name)]
	if !ok {
		b.unknownName(string(name))
		return unknown, nil
	}
	return i, nil
}

func (b *binding) unknownName(name string) {
	var names []string
	for i := range b.contract.params {
		names = append(names, b.contract.params[i].Name)
	}
	detail := "is not a parameter of this endpoint, which has none"
	if len(names) > 0 {
		detail = "is not a parameter of this endpoint; it has " + strings.Join(names, ", ")
	}
	b.failNamed(dataapi.Echo(name), detail)
}

func (b *binding) decodeScalar(i int) error {
	l, err := b.readLiteral()
	if err != nil {
		return err
	}
	if l.kind == 'n' {
		b.states[i] = null
		return nil
	}
	value, problem := readScalar(b.contract.params[i].Type, l)
	if problem != "" {
		b.states[i] = faulty
		b.fail(i, -1, problem)
		return nil
	}
	b.give(i, value)
	return nil
}

func (b *binding) decodeArray(i int) error {
	param := &b.contract.params[i]
	if b.decoder.PeekKind() != '[' {
		l, err := b.readLiteral()
		switch {
		case err != nil:
			return err
		case l.kind == 'n':
			b.states[i] = null
		default:
			b.states[i] = faulty
			b.fail(i, -1, fmt.Sprintf("must be an array, each item of type %s", param.Type)+got(l))
		}
		return nil
	}
	if _, err := b.decoder.ReadToken(); err != nil { // the opening bracket
		return err
	}
	array := source.Argument{Type: param.Type, Array: true, Items: []source.Argument{}}
	sound := true
	items := 0
	for ; b.decoder.PeekKind() != ']'; items++ {
		l, err := b.readLiteral()
		if err != nil {
			return err
		}
		if items >= *param.MaxItems {
			continue // counted, and no more: whatever follows, the array is refused
		}
		item, problem := readScalar(param.Type, l)
		if problem != "" {
			b.fail(i, len(array.Items), problem)
			sound = false
		}
		array.Items = append(array.Items, item)
	}
	if _, err := b.decoder.ReadToken(); err != nil {
		return err
	}
	if items > *param.MaxItems {
		b.fail(i, -1, tooManyItems(*param.MaxItems, items))
		sound = false
	}
	if !sound {
		b.states[i] = faulty
		return nil
	}
	b.give(i, array)
	return nil
}

// give takes a value as the parameter's, to be judged.
func (b *binding) give(i int, value source.Argument) { b.states[i], b.values[i] = given, value }

// readLiteral reads the next value. Of an array or an object, which no type takes, it keeps only what an error echoes.
func (b *binding) readLiteral() (literal, error) {
	value, err := b.decoder.ReadValue()
	if err != nil {
		return literal{}, err
	}
	kind := value.Kind()
	switch kind {
	case '"':
		inner := value[1 : len(value)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			return literal{kind, string(inner)}, nil
		}
		unquoted, err := jsontext.AppendUnquote(nil, value)
		return literal{kind, string(unquoted)}, err
	case 't', 'f', 'n':
		return literal{kind: kind, text: literals[kind]}, nil
	case '0':
		return literal{kind, string(value)}, nil
	default:
		return literal{kind, strings.ToValidUTF8(string(value[:min(len(value), 4*dataapi.MaxEcho)]), "")}, nil
	}
}

var literals = map[jsontext.Kind]string{'t': "true", 'f': "false", 'n': "null"}

// invalidText says what makes the text unreadable.
func invalidText(err error) *dataapi.Error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "parameter_values is not valid JSON: it ends too early")
	}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return dataapi.Wrap(dataapi.CodeInvalidRequest, err)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		name := dataapi.Echo(syntactic.JSONPointer.LastToken())
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "parameter_values has the name %q more than once", name)
	}
	return dataapi.Errorf(dataapi.CodeInvalidRequest,
		"parameter_values is not valid JSON: %v at byte %d", syntactic.Err, syntactic.ByteOffset)
}
