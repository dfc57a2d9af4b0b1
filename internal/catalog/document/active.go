package document

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// Revision names a text as [Endpoint.Revision] does.
func Revision(text []byte) string { return RevisionOf(Digest(text)) }

// RevisionOf names the text of a digest.
func RevisionOf(digest [32]byte) string { return hex.EncodeToString(digest[:8]) }

// SetActive returns the text of an endpoint file with active: true or false in its front matter, and leaves everything else as it is.
// It returns the text itself when that is so already. It reports false when the text cannot be read that far.
func SetActive(text []byte, active bool) ([]byte, bool) {
	word := "false"
	if active {
		word = "true"
	}
	report := &Report{}
	matter, _, _, ok := splitFile(text, report)
	if !ok {
		return nil, false
	}
	root := parseYAML(matter, 2, report)
	if root == nil || root.kind != mapNode {
		return nil, false
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[0] = strings.TrimPrefix(lines[0], "\ufeff")
	byteOrderMark := len(text) - len(strings.Join(lines, ""))
	says := slices.ContainsFunc(root.members, func(m member) bool { return m.key == "active" })
	switch at := activeOf(root); {
	case at == nil && active:
		return text, true
	case at == nil && says: // without a value, or with an odd one
		return nil, false
	case at == nil:
		first := root.members[0].Place
		line := lines[first.Line-1]
		before := string([]rune(line)[:first.Column-1])
		if opens := strings.LastIndexByte(before, '{'); opens >= 0 { // a map in braces
			lines[first.Line-1] = line[:opens+1] + "active: " + word + ", " + line[opens+1:]
		} else {
			ending := "\n"
			if strings.HasSuffix(lines[0], "\r\n") {
				ending = "\r\n"
			}
			lines[first.Line-1] = before + "active: " + word + ending + line
		}
	default:
		line := []rune(lines[at.Line-1])
		end := at.Column - 1
		for end < len(line) && !unicode.IsSpace(line[end]) && !strings.ContainsRune(",}#", line[end]) {
			end++
		}
		lines[at.Line-1] = string(line[:at.Column-1]) + word + string(line[end:])
	}
	changed := append(append([]byte{}, text[:byteOrderMark]...), strings.Join(lines, "")...)
	return changed, isActive(changed) == word
}

// activeOf is the value of the key active; nil: it is left out, or has none.
func activeOf(root *node) *node {
	for _, member := range root.members {
		if member.key == "active" && member.value.kind == scalarNode {
			return member.value
		}
	}
	return nil
}

// isActive is the word that a text has for active.
func isActive(text []byte) string {
	report := &Report{}
	matter, _, _, ok := splitFile(text, report)
	if !ok {
		return ""
	}
	if root := parseYAML(matter, 2, report); root != nil && root.kind == mapNode {
		if value := activeOf(root); value != nil && !value.quoted {
			return value.text
		}
	}
	return ""
}
