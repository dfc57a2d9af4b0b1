package execution

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Drafts holds texts to everything that an endpoint of the console has to pass, and runs them. Nothing of them is stored.
type Drafts struct {
	Catalog *catalog.Catalog
	Queries *Queries
}

// Check says what is wrong with a text, and what columns its result has. It blocks while the source is asked. The error says that
// the source could not be asked; what is wrong with the text itself is in the draft all the same.
func (d *Drafts) Check(ctx context.Context, address dataapi.Address, text []byte) (catalog.Draft, error) {
	return d.Catalog.CheckDraft(ctx, address, text, func(ctx context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
		_, columns, err := d.Queries.Draft(ctx, endpoint)
		return columns, err
	})
}

// Call returns a text as a call, within at most so many rows and so much time. It fails with what [Drafts.Refusal] makes of its
// faults, and as Check does.
func (d *Drafts) Call(ctx context.Context, address dataapi.Address, text []byte, rows int, timeout time.Duration) (call Call, err error) {
	draft, err := d.Catalog.CheckDraft(ctx, address, text, func(ctx context.Context, endpoint *catalog.Endpoint) (columns []source.Column, err error) {
		call, columns, err = d.Queries.Draft(ctx, endpoint.Within(rows, timeout))
		return columns, err
	})
	if len(draft.Faults) > 0 {
		return Call{}, Refusal(string(text), draft.Faults)
	}
	return call, err
}

// Refusal is the error of a text that has faults.
func Refusal(text string, faults catalog.Diagnostics) *dataapi.Error {
	placed := Placed(text, faults)
	detail := fmt.Sprintf("The endpoint has %d faults. The first, in line %d: %s", len(placed), placed[0].Line, placed[0].Message)
	if len(placed) == 1 {
		detail = fmt.Sprintf("The endpoint has a fault in line %d: %s", placed[0].Line, placed[0].Message)
	}
	return &dataapi.Error{Code: dataapi.CodeInvalidEndpoint, Detail: detail, Members: map[string]any{"faults": placed}}
}

// Placed are diagnostics of a text with the length of the words that they are about.
func Placed(text string, diagnostics catalog.Diagnostics) []dataapi.TextFault {
	lines := strings.Split(text, "\n")
	placed := make([]dataapi.TextFault, 0, len(diagnostics))
	for _, one := range diagnostics {
		fault := dataapi.TextFault{Line: one.Line, Column: one.Column, Length: 1, Message: one.Discreet(), Allowed: one.Allowed()}
		if one.Effect != "" {
			fault.Effect = &one.Effect
		}
		if one.Line >= 1 && one.Line <= len(lines) {
			fault.Length = wordAt(strings.TrimSuffix(lines[one.Line-1], "\r"), one.Column)
		}
		placed = append(placed, fault)
	}
	return placed
}

// wordAt is the length in characters of the word that begins at a column of a line: a name, a number, or a text in quotes; at least 1.
func wordAt(line string, column int) int {
	characters := []rune(line)
	if column < 1 || column > len(characters) {
		return 1
	}
	rest := characters[column-1:]
	if quote := rest[0]; quote == '"' || quote == '\'' {
		for i, c := range rest[1:] {
			if c == quote {
				return i + 2
			}
		}
		return 1
	}
	length := 0
	for length < len(rest) && (unicode.IsLetter(rest[length]) || unicode.IsDigit(rest[length]) || unicode.IsMark(rest[length]) ||
		strings.ContainsRune("_-.:@$", rest[length])) {
		length++
	}
	if length > 1 && rest[length-1] == ':' { // of a key
		length--
	}
	return max(1, length)
}
