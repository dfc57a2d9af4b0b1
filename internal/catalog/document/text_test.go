package document

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// textEndpoint has every construct of YAML over several lines, and a fault behind each.
const textEndpoint = `/*---
# a comment
title: "two
  lines"    # a comment behind

fault1: 1
# two
# comments
description: |
  kept
  lines

  and paragraphs
fault2: 1
source: 'one
  two'
fault3: 1
params: { a: { type: string, # a comment in a flow map
    default: "x

      y" },
  b: {type: date} }
fault4: 1
columns:
  c:
    description: >-
      folded
      text
  d:
    description: plain
      text over
      lines
fault5: 1
---*/

-- a comment
SELECT 'a
b' AS c, @a AS d,
  @undeclared
`

// textCompany is the same for a company.
const textCompany = `# first
name: "A

  B"
fault1: 1
users:
  # a comment
  ana:
    name: >
      folded
      # no comment

      text
    policies: [ # a comment
      DataAPIConsumer, 'Nobody
      here' ]
  fault2: { rate: often }
`

// A file means the same whichever ends its lines have, and with a byte order mark: places, faults and values.
func TestLineEndsAndByteOrderMarks(t *testing.T) {
	spellings := map[string]func(string) string{
		"CRLF":          func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
		"BOM":           func(text string) string { return "\ufeff" + text },
		"BOM, CRLF":     func(text string) string { return "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n") },
		"CRLF in parts": func(text string) string { return strings.Replace(text, "\n", "\r\n", strings.Count(text, "\n")/2) },
	}
	address := dataapi.Address{Company: "acme", Namespace: "default", Slug: "s"}
	var lf, company Report
	wantEndpoint, _ := ParseEndpoint(address, []byte(textEndpoint), &lf)
	_, wantCompany := ParseCompany("acme", []byte(textCompany), &company)
	if wantEndpoint == nil || wantCompany == nil {
		t.Fatal(lf.diagnostics, company.diagnostics)
	}
	if wantEndpoint.Statement.SQL[len("-- a comment\nSELECT 'a"):][:3] != "\nb'" || wantEndpoint.Title != "two lines" || wantCompany.Name != "A\nB" {
		t.Fatalf("%q %q %q", wantEndpoint.Statement.SQL, wantEndpoint.Title, wantCompany.Name)
	}
	faultsAtTheirLines(t, textEndpoint, lf.diagnostics)
	faultsAtTheirLines(t, textCompany, company.diagnostics)
	for name, spell := range spellings {
		var r Report
		got, _ := ParseEndpoint(address, []byte(spell(textEndpoint)), &r)
		got.Digest, got.Revision, got.Contract = wantEndpoint.Digest, wantEndpoint.Revision, wantEndpoint.Contract
		if !slices.Equal(r.diagnostics, lf.diagnostics) {
			t.Errorf("%s: an endpoint has the faults\n%v\nwant\n%v", name, r.diagnostics, lf.diagnostics)
		}
		if !reflect.DeepEqual(got, wantEndpoint) {
			t.Errorf("%s: an endpoint is\n%+v\nwant\n%+v", name, got, wantEndpoint)
		}
		r = Report{}
		_, gotCompany := ParseCompany("acme", []byte(spell(textCompany)), &r)
		if !slices.Equal(r.diagnostics, company.diagnostics) || !reflect.DeepEqual(gotCompany, wantCompany) {
			t.Errorf("%s: a company is %+v with the faults\n%v\nwant %+v,\n%v", name, gotCompany, r.diagnostics, wantCompany, company.diagnostics)
		}
	}
}

// faultsAtTheirLines looks that each key faultN is reported in its line.
func faultsAtTheirLines(t *testing.T, text string, faults Diagnostics) {
	t.Helper()
	found := 0
	for _, fault := range faults {
		if strings.Contains(fault.Message, `"fault`) {
			found++
			key := strings.Split(fault.Message, `"`)[1]
			if line := strings.Split(text, "\n")[fault.Line-1]; !strings.HasPrefix(strings.TrimSpace(line), key) {
				t.Errorf("line %d is %q: %s", fault.Line, line, fault.Message)
			}
		}
	}
	if found == 0 {
		t.Errorf("no fault has a key's name: %v", faults)
	}
}

func TestTextsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a carriage return alone": {
			"name: x\nactive:\rfalse\n", "f:2:8: there is a carriage return here without a line feed behind it; lines end with LF or CRLF",
		},
		"old Macintosh":     {"name: x\ractive: false\r", "f:1:8: there is a carriage return here without a line feed behind it; lines end with LF or CRLF"},
		"a CR too many":     {"name: x\r\r\n", "f:1:8: there is a carriage return here without a line feed behind it; lines end with LF or CRLF"},
		"UTF-16":            {"\xff\xfen\x00a\x00", "f:1:1: the file must be UTF-8; this one begins as UTF-16 does: save it as UTF-8"},
		"UTF-16, the other": {"\xfe\xff\x00n\x00a", "f:1:1: the file must be UTF-8; this one begins as UTF-16 does: save it as UTF-8"},
		"Latin-1 and a BOM": {"\ufeffname: Caf\xe9\n", "f:1:10: the file must be UTF-8; here is the byte 0xe9"},
		"NUL behind CRLF":   {"a: b\r\n\x00", "f:2:1: the file must not contain the NUL character"},
	} {
		r := Report{File: "f"}
		if file, draft := ParseCompany("acme", []byte(test.text), &r); file != nil || draft != nil || r.diagnostics.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, r.diagnostics, test.want)
		}
	}
}
