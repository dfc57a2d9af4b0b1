package boltfile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"go.etcd.io/bbolt"
)

const cutVariable = "DATA_API_TEST_CUT_STORE"

// cutInChild cuts the file of a store that is open, and uses it: every access fails, and none ends the process.
func cutInChild(path string) error {
	s, err := openAt(path, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	for _, length := range []int64{5 * int64(os.Getpagesize()), 0} {
		if err := os.Truncate(path, length); err != nil {
			return err
		}
		for i := range 40 {
			if value, err := s.read(fmt.Sprint("key", i)); err == nil && len(value) != 300 {
				return fmt.Errorf("a read got %q", value)
			} else if err != nil && !errors.Is(err, ErrDamaged) {
				return fmt.Errorf("a read: %w", err)
			}
			// As if the file had been cut between the look at its length and the access.
			err := guarded(func() error {
				return s.db.View(func(tx *bbolt.Tx) error {
					_, err := testLayout.In(tx, secretBucket).Get(fmt.Append(nil, "key", i))
					return err
				})
			})
			if length > 0 && err != nil && !errors.Is(err, ErrDamaged) {
				return fmt.Errorf("a read at the wrong moment: %w", err)
			}
			if length == 0 {
				break // it has left bbolt with its locks taken
			}
		}
		if length == 0 {
			break
		}
		if err := s.Update(context.Background(), put("new", "1")); !errors.Is(err, ErrUnavailable) {
			return fmt.Errorf("a write: %w", err)
		}
		if _, _, err := s.Compact(context.Background()); err == nil {
			return errors.New("it was compacted")
		}
	}
	return nil
}

func TestFileThatIsCutWhileOpenEndsNothing(t *testing.T) {
	path := closedStore(t)
	command := exec.Command(os.Args[0], "-test.timeout=5m")
	command.Env = append(os.Environ(), cutVariable+"="+path)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.3000s", err, out)
	}
}
