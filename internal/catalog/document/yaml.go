package document

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// node is a YAML value with its place. Scalars keep the text that was written, so that 2026-01-01 stays text and 1.50
// keeps its digits.
type node struct {
	Place
	kind    nodeKind
	text    string   // of a scalar
	quoted  bool     // the scalar has quotes or is a block, so that it is text whatever it looks like
	members []member // of a map, in order, without duplicates
	items   []*node  // of a list
}

type member struct {
	Place
	key   string
	value *node
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	listNode
	mapNode
)

// describe names the node for an error message.
func (n *node) describe() string {
	switch n.kind {
	case nullNode:
		return "nothing"
	case listNode:
		return "a list"
	case mapNode:
		return "a map"
	default:
		if n.quoted {
			return fmt.Sprintf("%q", dataapi.Echo(n.text))
		}
		return dataapi.Echo(n.text)
	}
}

// maxDepth bounds the nesting of YAML: no file of the catalog needs more than seven.
const maxDepth = 20

// parseYAML reads one YAML document whose first line is line firstLine of the file. It returns nil, and reports, when
// there is no tree to go on with.
func parseYAML(text []byte, firstLine int, r *Report) (root *node) {
	reader := yamlReader{Report: r, text: string(text), offset: firstLine - 1}
	defer func() {
		// The parser is a third party's, and the file is whatever an editor left: a panic must not end the server.
		if cause := recover(); cause != nil {
			r.Fault(Place{firstLine, 1}, "the YAML cannot be read: %v", cause)
			root = nil
		}
	}()
	if at, deep := tooDeep(text); deep {
		r.Fault(Place{at.Line + firstLine - 1, at.Column}, "the YAML is nested too deeply; allowed are %d levels", maxDepth)
		return nil
	}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		reader.syntaxError(err)
		return nil
	}
	if len(file.Docs) > 1 {
		at := Place{firstLine, 1}
		if body := file.Docs[1].Body; body != nil {
			at = reader.at(body.GetToken())
		}
		r.Fault(at, "a second YAML document begins here; allowed is one")
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return &node{Place: Place{firstLine, 1}, kind: nullNode}
	}
	return reader.read(file.Docs[0].Body, 0)
}

// tooDeep finds nesting on one line that is far beyond maxDepth. The parser takes time and memory that grow with the
// square of such nesting, some GB for 100 KB of brackets, before it has a tree to look at. Brackets in quotes count
// too, so the bound is generous; nesting by indentation cannot go deep in a file of limited size.
func tooDeep(text []byte) (at Place, deep bool) {
	const most = 4 * maxDepth
	open, entries, line, column, before := 0, 0, 1, 0, byte(0)
	for _, c := range text {
		column++
		switch {
		case c == '\n':
			line, column, entries = line+1, 0, 0
		case c == '[' || c == '{':
			open++
		case c == ']' || c == '}':
			open = max(0, open-1)
		case c == ' ':
			if before == '-' || before == '?' {
				entries++ // of lists in lists, or keys in keys
			}
		case c != '-' && c != '?' || c == before:
			entries = 0
		}
		if before = c; open > most || entries > most {
			return Place{line, column}, true
		}
	}
	return Place{}, false
}

type yamlReader struct {
	*Report
	text   string
	offset int // lines of the file before the YAML
}

func (r *yamlReader) at(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{r.offset + 1, 1}
	}
	return Place{max(1, t.Position.Line) + r.offset, max(1, t.Position.Column)}
}

func (r *yamlReader) syntaxError(err error) {
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		at := r.at(syntax.Token)
		r.Fault(at, "the YAML cannot be read: %s", syntaxAdvice(syntax.Message, r.rest(at)))
		return
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	r.Fault(Place{r.offset + 1, 1}, "the YAML cannot be read: %s", first)
}

// rest is the text at a place and behind it in its line.
func (r *yamlReader) rest(at Place) string {
	lines := strings.Split(r.text, "\n")
	if i := at.Line - r.offset - 1; i >= 0 && i < len(lines) {
		characters := []rune(lines[i])
		return string(characters[min(at.Column-1, len(characters)):])
	}
	return ""
}

// read turns the parser's tree into nodes. Whatever it refuses becomes null, so that its neighbours are still checked.
func (r *yamlReader) read(source ast.Node, depth int) *node {
	at := r.at(source.GetToken())
	null := &node{Place: at, kind: nullNode}
	if depth > maxDepth {
		r.Fault(at, "the YAML is nested too deeply; allowed are %d levels", maxDepth)
		return null
	}
	switch source := source.(type) {
	case *ast.NullNode:
		return null
	case *ast.StringNode:
		quoted := source.Token.Type == token.SingleQuoteType || source.Token.Type == token.DoubleQuoteType
		return &node{Place: at, kind: scalarNode, text: source.Value, quoted: quoted}
	case *ast.LiteralNode:
		return &node{Place: r.at(source.Start), kind: scalarNode, text: source.Value.Value, quoted: true}
	case *ast.IntegerNode, *ast.FloatNode:
		return r.number(at, source.GetToken().Value)
	case *ast.BoolNode:
		return &node{Place: at, kind: scalarNode, text: source.Token.Value}
	case *ast.SequenceNode:
		list := &node{Place: at, kind: listNode}
		for _, value := range source.Values {
			list.items = append(list.items, r.read(value, depth+1))
		}
		return list
	case *ast.MappingNode:
		if len(source.Values) == 1 && !source.IsFlowStyle {
			return r.read(source.Values[0], depth)
		}
		return r.mapping(at, source.Values, depth)
	case *ast.MappingValueNode:
		if text, ok := colonText(source); ok {
			return &node{Place: r.at(source.Key.GetToken()), kind: scalarNode, text: text}
		}
		return r.mapping(at, []*ast.MappingValueNode{source}, depth)
	case *ast.AliasNode:
		r.Fault(at, "aliases (*name) are not allowed: write the value out, or put quotes around text that begins with *")
	case *ast.AnchorNode:
		r.Fault(at, "anchors (&name) are not allowed: write the value out, or put quotes around text that begins with &")
	case *ast.TagNode:
		r.Fault(at, "tags (!name) are not allowed: leave it out, or put quotes around text that begins with !")
	case *ast.InfinityNode, *ast.NanNode:
		r.Fault(at, "infinity and NaN are not allowed; put quotes around it if it is text")
	default:
		r.Fault(at, "this YAML is not supported here; allowed are maps, lists, text, numbers, true and false")
	}
	return null
}

// colonText returns the text a:b that the parser takes for a map in a flow list such as [data_api:execute]. YAML 1.2
// (7.3.3) wants a space after the colon of a plain key.
func colonText(pair *ast.MappingValueNode) (string, bool) {
	key, value := pair.Key.GetToken(), pair.Value.GetToken()
	if key.Type != token.StringType || value.Type != token.StringType || key.Position.Line != value.Position.Line ||
		value.Position.Column != key.Position.Column+utf8.RuneCountInString(key.Value)+1 {
		return "", false
	}
	return key.Value + ":" + value.Value, true
}

func (r *yamlReader) mapping(at Place, values []*ast.MappingValueNode, depth int) *node {
	object := &node{Place: at, kind: mapNode}
	first := make(map[string]Place, len(values))
	for i, value := range values {
		keyAt := r.at(value.Key.GetToken())
		if i == 0 && (at.Line > keyAt.Line || at.Line == keyAt.Line && at.Column > keyAt.Column) {
			object.Place = keyAt // the parser places a block map at its first colon
		}
		key, ok := value.Key.(*ast.StringNode)
		var text string
		switch {
		case ok:
			text = key.Value
		case value.Key.IsMergeKey():
			r.Fault(keyAt, "merge keys (<<) are not allowed: write the keys out")
			continue
		default:
			if text = value.Key.GetToken().Value; !plainKey.MatchString(text) {
				r.Fault(keyAt, "a key must be text on one line")
				continue
			}
		}
		if before, twice := first[text]; twice {
			r.Fault(keyAt, "key %q is given twice; it is in line %d already", dataapi.Echo(text), before.Line)
			continue
		}
		first[text] = keyAt
		object.members = append(object.members, member{keyAt, text, r.read(value.Value, depth+1)})
	}
	return object
}

// plainKey are keys that YAML reads as a number or a boolean and that are names here.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// jsonNumber is JSON's grammar of a number (RFC 8259, 6).
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// number refuses the spellings that YAML has beyond JSON's: a reader would take 010 for ten.
func (r *yamlReader) number(at Place, text string) *node {
	if !jsonNumber.MatchString(text) {
		r.Fault(at, "%s is not a plain number; write it in decimal notation such as 10 or -2.50, or put quotes around it if it is text", dataapi.Echo(text))
		return &node{Place: at, kind: nullNode}
	}
	return &node{Place: at, kind: scalarNode, text: text}
}
