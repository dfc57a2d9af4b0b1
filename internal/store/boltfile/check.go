package boltfile

import (
	"errors"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Report is what Check has found.
type Report struct {
	Path    string         `json:"path"`
	Bytes   int64          `json:"bytes"`   // the size of the file
	Schema  int            `json:"schema"`  // the version of its layout; 0: it is empty
	Records map[string]int `json:"records"` // by kind, which is the name of a bucket such as "jobs"
	Pages   int            `json:"pages"`   // in all
	Free    int            `json:"free"`    // pages that hold nothing and are used next
	Lost    int            `json:"lost"`    // pages that hold nothing and are not used again before the file is compacted
	Faults  []Fault        `json:"faults"`  // the first thousand of each kind

	kinds []string
}

// Fault is one thing that is wrong with a store.
type Fault struct {
	Kind   string `json:"kind,omitzero"`   // of a record; empty: of the file
	Record string `json:"record,omitzero"` // which record it is
	Fault  string `json:"fault"`           // what is wrong
	Fatal  bool   `json:"fatal,omitzero"`  // Open refuses the file
	Mended bool   `json:"mended,omitzero"` // Open makes the record again from others
}

// Kinds are the kinds of records that do not follow from others, in the order of their names.
func (r *Report) Kinds() []string { return r.kinds }

// Sound reports whether a server that opens the store finds everything that was stored in it. What is made again from other
// records is no loss.
func (r *Report) Sound() bool {
	return !slices.ContainsFunc(r.Faults, func(fault Fault) bool { return !fault.Mended })
}

// Check reads a store from end to end, results included, and says what it holds and what is wrong with it. It writes
// nothing, and needs the file for itself: while a server holds it, it fails after a second. Its error is that of a file
// that cannot be read at all; one that is damaged is a Report with faults. Progress, unless it is nil, is told now and then
// how many bytes were looked at, of how many at most.
func Check(path string, layout *Layout, progress func(done, most int64)) (report Report, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return report, err
	}
	report = Report{Path: path, Faults: []Fault{}}
	if err := whole(path); err != nil {
		return report, err
	}
	if report.Bytes, err = fileSize(path); err != nil {
		return report, err
	}
	s := &File{layout: layout, path: path, options: bbolt.Options{Timeout: time.Second}}
	found, err := s.inspect(true, progress)
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, errStructure) {
		return report, s.refusal(err)
	}
	if err != nil {
		report.Faults = append(report.Faults, Fault{Fault: err.Error(), Fatal: true})
	}
	if found == nil {
		return report, nil
	}
	report.Schema, report.Records, report.Free, report.Lost = found.schema, found.counts, found.free, found.leaked
	report.Pages = int(found.meta.pages)
	for _, name := range sortedKeys(found.counts) {
		if layout.kinds[name].role == primary && name != string(metaBucket) {
			report.kinds = append(report.kinds, name)
		}
	}
	for _, name := range sortedKeys(found.damages) {
		for _, damage := range found.damages[name] {
			fault := Fault{Kind: name, Fault: damage.Error(), Mended: layout.kinds[name].role != primary}
			if named, ok := errors.AsType[*DamagedError](damage); ok {
				fault.Record, fault.Fault = named.Record, named.Cause
			}
			report.Faults = append(report.Faults, fault)
		}
	}
	return report, nil
}
