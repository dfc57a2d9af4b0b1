package main

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// pretty writes JSON for people: whatever fits into width columns is on one line, and what does not is spread over
// several. Numbers and the order of members stay as they came. Long strings, such as tokens, are cut. What is not JSON
// comes back as it is.
func pretty(document []byte, width int) string {
	tree, err := parse(jsontext.NewDecoder(bytes.NewReader(document)))
	if err != nil {
		return strings.TrimSpace(string(document))
	}
	return tree.layOut(0, 0, width)
}

// node is a JSON value; name is its quoted name, with ": ", where it is a member of an object.
type node struct {
	name           string
	literal        string // of a scalar
	opening, close string // of an object or array
	items          []node
}

const maxLiteral = 96 // characters of a scalar, quotes included

func parse(decoder *jsontext.Decoder) (node, error) {
	kind := decoder.PeekKind()
	if kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
		value, err := decoder.ReadValue()
		return node{literal: shortened(string(value))}, err
	}
	tree := node{opening: "[", close: "]"}
	if kind == jsontext.KindBeginObject {
		tree = node{opening: "{ ", close: " }"}
	}
	if _, err := decoder.ReadToken(); err != nil {
		return node{}, err
	}
	for decoder.PeekKind() != jsontext.KindEndObject && decoder.PeekKind() != jsontext.KindEndArray {
		var name string
		if kind == jsontext.KindBeginObject {
			value, err := decoder.ReadValue()
			if err != nil {
				return node{}, err
			}
			name = string(value) + ": "
		}
		item, err := parse(decoder)
		if err != nil {
			return node{}, err
		}
		item.name = name
		tree.items = append(tree.items, item)
	}
	_, err := decoder.ReadToken()
	return tree, err
}

// layOut writes the node, whose line begins in column margin and already holds used further columns.
func (n node) layOut(margin, used, width int) string {
	if line := n.oneLine(); len(n.items) == 0 || margin+used+utf8.RuneCountInString(line) <= width {
		return line
	}
	const deeper = 2
	newline := "\n" + strings.Repeat(" ", margin+deeper)
	lines := make([]string, len(n.items))
	for i, item := range n.items {
		lines[i] = item.name + item.layOut(margin+deeper, utf8.RuneCountInString(item.name)+1, width) // 1: the comma
	}
	return strings.TrimSpace(n.opening) + newline + strings.Join(lines, ","+newline) +
		"\n" + strings.Repeat(" ", margin) + strings.TrimSpace(n.close)
}

func (n node) oneLine() string {
	if n.opening == "" {
		return n.literal
	}
	if len(n.items) == 0 {
		return strings.TrimSpace(n.opening) + strings.TrimSpace(n.close)
	}
	items := make([]string, len(n.items))
	for i, item := range n.items {
		items[i] = item.name + item.oneLine()
	}
	return n.opening + strings.Join(items, ", ") + n.close
}

// shortened cuts a long scalar in the middle of its text.
func shortened(literal string) string {
	runes := []rune(literal)
	if len(runes) <= maxLiteral {
		return literal
	}
	return string(runes[:maxLiteral-2]) + `…"`
}
