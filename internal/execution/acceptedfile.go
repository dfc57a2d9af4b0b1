package execution

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/solucao42/caddy-data-api/source"
)

// acceptedFormat is of the text that [Accepted.Save] writes, and of the rules by which statements are judged: another number, and
// what a former program has written is forgotten.
const acceptedFormat = 1

// acceptedText is what is remembered of a source, for another process. Most statements share their columns with others.
type acceptedText struct {
	Format     int               `json:"format"`
	Program    string            `json:"program"` // that has written it
	Version    string            `json:"version"` // of the source
	Columns    [][]source.Column `json:"columns"`
	Statements map[string]int    `json:"statements"` // the index of its columns by the key in hexadecimal digits
}

// Save has what is known written for another process, which may be of another program, if anything has changed since that was last done. A
// change that cannot be written counts until it is. It blocks as write does, and is not called twice at once.
func (a *Accepted) Save(program string, write func(text []byte) error) error {
	a.mu.Lock()
	version, known, changes := a.version, maps.Clone(a.known), a.changes
	changed := changes != a.saved
	a.mu.Unlock()
	if !changed || version == "" {
		return nil
	}
	text, err := encodeAccepted(program, version, known)
	if err == nil {
		err = write(text)
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.saved = changes // and not what has changed meanwhile
	return nil
}

func encodeAccepted(program, version string, known map[statementKey][]source.Column) ([]byte, error) {
	written := acceptedText{Format: acceptedFormat, Program: program, Version: version, Columns: [][]source.Column{}, Statements: make(map[string]int)}
	indexes := make(map[string]int)
	for key, columns := range known {
		list, err := json.Marshal(columns)
		if err != nil {
			return nil, err
		}
		index, ok := indexes[string(list)]
		if !ok {
			index = len(written.Columns)
			indexes[string(list)], written.Columns = index, append(written.Columns, columns)
		}
		written.Statements[hex.EncodeToString(key[:])] = index
	}
	return json.Marshal(written)
}

// Decode takes in what another process has written. It counts as if this one had asked, when the program is the same; else the
// statements are asked about again.
func (a *Accepted) Decode(program string, text []byte) error {
	var read acceptedText
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	if read.Format != acceptedFormat {
		return fmt.Errorf("its format is %d, and this program's %d", read.Format, acceptedFormat)
	}
	statements := make(map[statementKey][]source.Column, len(read.Statements))
	for digits, index := range read.Statements {
		var key statementKey
		if len(digits) != hex.EncodedLen(len(key)) || index < 0 || index >= len(read.Columns) {
			return errors.New("it is damaged")
		}
		if _, err := hex.Decode(key[:], []byte(digits)); err != nil {
			return errors.New("it is damaged")
		}
		statements[key] = read.Columns[index]
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.version != "": // this process has asked already
	case read.Program == program:
		a.version, a.known = read.Version, statements
		for _, columns := range read.Columns {
			a.share(columns)
		}
	default:
		a.stale = statements
	}
	return nil
}
