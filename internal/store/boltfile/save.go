package boltfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Steps of what takes its time, as [Progress] names them.
const (
	Copying  = "copied"
	Checking = "checked"
)

// Progress is told again and again how many bytes a step has done, of how many. It must not block for long.
type Progress func(step string, done, total int64)

// partSuffix ends the name of a file that is not complete. What a killed process leaves has it.
const partSuffix = ".part"

// Save writes the content of a store, of so many bytes, to a new file with mode 0600, and checks it. The file is complete and on
// disk when it gets its name. With replace it takes the place of a file that is there; without, there must be none.
//
// The report says what the file holds. A file that no server could open is removed again, and the error says why. One with
// damaged records is kept, since it may be the best that there is: the report says which they are.
func Save(ctx context.Context, content io.Reader, size int64, path string, layout *Layout, replace bool, progress Progress) (Report, error) {
	if err := refuseExisting(path, replace); err != nil {
		return Report{}, err
	}
	part, report, err := savePart(ctx, content, size, path, layout, progress)
	if err != nil {
		return Report{}, err
	}
	report.Path = path
	return report, errors.Join(take(part, path, replace), syncDir(filepath.Dir(path)))
}

// refuseExisting refuses a path at which there is something that is not to be replaced.
func refuseExisting(path string, replace bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file: name one that can be written", path)
	case !replace:
		return fmt.Errorf("%s exists: name another file, or replace it with --force", path)
	}
	return nil
}

// savePart writes a file beside the path, and checks it.
func savePart(ctx context.Context, content io.Reader, size int64, path string, layout *Layout, progress Progress) (part string, report Report, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+partSuffix) // with mode 0600
	if err != nil {
		return "", report, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = copyAll(ctx, file, content, size, progress)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", report, err
	}
	report, err = Check(file.Name(), layout, func(done, most int64) { progress(Checking, done, most) })
	if err != nil {
		return "", report, err
	}
	for _, fault := range report.Faults {
		if fault.Fatal {
			return "", report, errors.New(fault.Fault)
		}
	}
	return file.Name(), report, nil
}

const copyBuffer = 256 << 10 // bytes

// copyAll copies exactly so many bytes, which are on disk when it returns.
func copyAll(ctx context.Context, to *os.File, from io.Reader, size int64, progress Progress) error {
	buffer := make([]byte, copyBuffer)
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buffer[:min(int64(len(buffer)), size-done)])
		if _, err := to.Write(buffer[:n]); err != nil {
			return err
		}
		done += int64(n)
		progress(Copying, done, size)
		if errors.Is(err, io.EOF) && done < size {
			return fmt.Errorf("the store was cut short: %d of its %d bytes are there: %w", done, size, io.ErrUnexpectedEOF)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return to.Sync()
}

// take gives a complete file its name.
func take(part, path string, replace bool) error {
	if !replace {
		// A link, other than a rename, cannot take the name of a file that has come meanwhile.
		err := os.Link(part, path)
		if err == nil {
			return os.Remove(part)
		}
		if errors.Is(err, os.ErrExist) {
			return errors.Join(refuseExisting(path, false), os.Remove(part))
		}
	}
	if err := os.Rename(part, path); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
