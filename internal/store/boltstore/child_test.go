package boltstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

func init() { boltstore.Children["examine"] = examineInChild }

// verdict is what a process says that has examined a store.
type verdict struct {
	Refused string            `json:",omitempty"` // why the store could not be opened
	Answers map[string]string `json:",omitempty"`
}

func examineInChild(path string) error {
	text, err := os.ReadFile(path + ".contents")
	if err != nil {
		return err
	}
	known := new(contents)
	if err := json.Unmarshal(text, known); err != nil {
		return err
	}
	var said verdict
	if said.Answers, err = examine(path, known); err != nil {
		said.Refused = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}

// inChild examines a store in a process of its own, which a damaged one may end.
func inChild(t *testing.T, path string) (said verdict, err error) {
	t.Helper()
	command := exec.CommandContext(context.Background(), os.Args[0], "-test.timeout=5m")
	command.Env = append(os.Environ(), boltstore.ChildVariable+"=examine:"+path)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err != nil {
		return said, fmt.Errorf("%w: %.2000s", err, stderr.String())
	}
	return said, nil
}

// specimen is a filled store and what is true of it.
type specimen struct {
	dir, path string
	want      map[string]string
	pages     []int64 // offsets of the pages that are in use
	size      int64
}

func newSpecimen(t *testing.T) *specimen {
	t.Helper()
	s := &specimen{dir: t.TempDir()}
	s.path = filepath.Join(s.dir, "sound.db")
	known, err := fill(s.path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "copy.db.contents"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(s.path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		s.size = tx.Size()
		for id := 0; ; id++ {
			page, err := tx.Page(id)
			if page == nil || err != nil {
				return err
			}
			if page.Type != "free" {
				s.pages = append(s.pages, int64(id)*int64(db.Info().PageSize))
			}
		}
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	said := s.examine(t, func(*os.File) error { return nil })
	if said.died != nil || said.Refused != "" {
		t.Fatalf("the sound store: %v, %s", said.died, said.Refused)
	}
	s.want = said.Answers
	for question, answer := range s.want {
		if strings.HasPrefix(answer, failure) {
			t.Fatalf("the sound store: %s: %s", question, answer)
		}
	}
	t.Logf("%d questions; %d pages in use, %d bytes", len(s.want), len(s.pages), s.size)
	return s
}

type finding struct {
	verdict
	died error
}

// examine examines a copy that was damaged.
func (s *specimen) examine(t *testing.T, damage func(*os.File) error) (found finding) {
	t.Helper()
	path := filepath.Join(s.dir, "copy.db")
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:s.size], 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(damage(file), file.Close()); err != nil {
		t.Fatal(err)
	}
	found.verdict, found.died = inChild(t, path)
	return found
}

// flip flips one bit of a file.
func flip(at int64, bit int) func(*os.File) error {
	return func(file *os.File) error {
		var b [1]byte
		if _, err := file.ReadAt(b[:], at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		b[0] ^= 1 << bit
		_, err := file.WriteAt(b[:], at)
		return err
	}
}

// tally counts what came of damages.
type tally struct{ unnoticed, told, refused, wrong, died int }

func (c *tally) String() string {
	return fmt.Sprintf("%d changed no answer, %d were told by errors that name the record, %d were refused at start, "+
		"%d gave a wrong answer, %d ended the process", c.unnoticed, c.told, c.refused, c.wrong, c.died)
}

func (c *tally) count(t *testing.T, s *specimen, what string, found finding) {
	t.Helper()
	if found.died != nil {
		c.died++
		t.Errorf("%s: the process ended: %v", what, found.died)
		return
	}
	if found.Refused != "" {
		c.refused++
		if !strings.Contains(found.Refused, "copy.db") && !strings.Contains(found.Refused, "record of") {
			t.Errorf("%s: refused without a word of the file or the record: %s", what, found.Refused)
		}
		return
	}
	if wrong := wrongAnswers(s.want, found.Answers); len(wrong) > 0 {
		c.wrong++
		t.Errorf("%s: wrong answers:\n%s", what, strings.Join(wrong, "\n"))
		return
	}
	told := false
	for question, answer := range found.Answers {
		if !strings.HasPrefix(answer, failure) {
			continue
		}
		told = true
		if _, id, _ := strings.Cut(question, "/"); !strings.Contains(answer, "record of") && !strings.Contains(answer, id) {
			t.Errorf("%s: %s: an error that names no record: %s", what, question, answer)
		}
	}
	if told {
		c.told++
	} else {
		c.unnoticed++
	}
}

// trials flips bits and cuts the file, each time in a copy.
func trials(t *testing.T, flips, cuts int, seed uint64) {
	s := newSpecimen(t)
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	var flipped, cut tally
	for range flips {
		at := s.pages[random.IntN(len(s.pages))] + random.Int64N(int64(os.Getpagesize()))
		bit := random.IntN(8)
		flipped.count(t, s, fmt.Sprintf("byte %d, bit %d", at, bit), s.examine(t, flip(at, bit)))
	}
	for range cuts {
		length := random.Int64N(s.size)
		cut.count(t, s, fmt.Sprintf("cut to %d bytes", length), s.examine(t, func(file *os.File) error { return file.Truncate(length) }))
	}
	t.Logf("of %d flipped bits %s", flips, &flipped)
	t.Logf("of %d cuts %s", cuts, &cut)
	if cut.refused != cuts {
		t.Errorf("%d of %d cut files were opened", cuts-cut.refused, cuts)
	}
}

func TestDamagedStoreGivesNoWrongAnswer(t *testing.T) {
	t.Parallel()
	trials(t, 16, 5, rand.Uint64())
}
