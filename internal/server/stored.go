package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/documents"
)

const (
	// storedTimeout bounds one look at a document that has changed: who changes it waits.
	storedTimeout = 5 * time.Second

	// storedRetry is how soon a store is asked again that could not say what has become of a document.
	storedRetry = 500 * time.Millisecond
)

// followStored hands the catalog what the store has of it, now and whenever that changes on any server. It returns when what there is
// has been read; sources are not asked about it before. The function that it returns ends that.
func (s *Server) followStored(library *documents.Library) (end func(), err error) {
	f := &storedFollower{
		library: library, catalog: s.catalog, log: s.settings.Log, companies: make(map[string]*catalog.Stored),
		failed: make(map[documentName]bool),
	}
	unlisten := library.OnChange(func(kind documents.Kind, key string) { f.change(documentName{kind, key}) })
	ctx, cancel := context.WithTimeout(context.Background(), 10*storedTimeout)
	defer cancel()
	for _, kind := range documents.Kinds() {
		if err := f.read(ctx, documentName{kind, ""}); err != nil {
			unlisten()
			return nil, err
		}
	}
	running, stop := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { f.retry(running) })
	return func() {
		unlisten()
		stop()
		loop.Wait()
	}, nil
}

// documentName names a document; with an empty key: all of the kind.
type documentName struct {
	kind documents.Kind
	key  string
}

// storedFollower knows what the store has of each company.
type storedFollower struct {
	library *documents.Library
	catalog *catalog.Catalog
	log     *slog.Logger

	mu        sync.Mutex // held while documents are read, so that an older look does not go over a newer one
	companies map[string]*catalog.Stored
	failed    map[documentName]bool // that could not be read
}

func (f *storedFollower) change(name documentName) {
	ctx, cancel := context.WithTimeout(context.Background(), storedTimeout)
	defer cancel()
	if err := f.read(ctx, name); err != nil {
		f.log.Error("a change of the catalog in the store cannot be read; it is tried again",
			slog.String("document", string(name.kind)+" "+name.key), slog.Any("error", err))
	}
}

// retry reads again what could not be read.
func (f *storedFollower) retry(ctx context.Context) {
	ticker := time.NewTicker(storedRetry)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		f.mu.Lock()
		again := maps.Clone(f.failed)
		f.mu.Unlock()
		for name := range again {
			reading, cancel := context.WithTimeout(ctx, storedTimeout)
			_ = f.read(reading, name) // it stays among those that failed
			cancel()
		}
	}
}

// read hands on what a document says now, and waits until that is read; not until sources have judged it.
func (f *storedFollower) read(ctx context.Context, name documentName) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() {
		if delete(f.failed, name); err != nil {
			f.failed[name] = true
		}
	}()
	changed := make(map[string]*catalog.Stored)
	of := func(company string) *catalog.Stored { // a copy, since what the catalog has must not change
		if changed[company] == nil {
			changed[company] = copyStored(f.companies[company])
		}
		return changed[company]
	}
	if name.key != "" {
		found, err := f.library.GetDocument(ctx, name.kind, name.key)
		if err != nil && !errors.Is(err, documents.ErrNotFound) {
			return err
		}
		set(of(companyOf(name.key)), name, found)
	} else {
		all, err := f.library.All(ctx, name.kind, "")
		if err != nil {
			return err
		}
		for company := range f.companies {
			empty(of(company), name.kind)
		}
		for _, found := range all {
			set(of(companyOf(found.Key)), documentName{found.Kind, found.Key}, found)
		}
	}
	for company, stored := range changed {
		f.companies[company] = stored
		if stored.Company == nil && len(stored.Policies)+len(stored.Users)+len(stored.Endpoints) == 0 {
			delete(f.companies, company)
			stored = nil
		}
		f.catalog.SetStored(company, stored)
	}
	return nil
}

func companyOf(key string) string {
	company, _, _ := strings.Cut(key, "/")
	return company
}

func copyStored(stored *catalog.Stored) *catalog.Stored {
	copied := &catalog.Stored{
		Policies: make(map[string][]byte), Users: make(map[string][]byte), Endpoints: make(map[string][]byte), Versions: make(map[string]catalog.Version),
	}
	if stored != nil {
		copied.Company = stored.Company
		maps.Copy(copied.Policies, stored.Policies)
		maps.Copy(copied.Users, stored.Users)
		maps.Copy(copied.Endpoints, stored.Endpoints)
		maps.Copy(copied.Versions, stored.Versions)
	}
	return copied
}

// set notes what a document says; without a revision: there is none.
func set(stored *catalog.Stored, name documentName, found documents.Document) {
	_, rest, _ := strings.Cut(name.key, "/")
	there, value := found.Revision > 0, append([]byte{}, found.Value...)
	switch {
	case name.kind == documents.Company && there:
		stored.Company = value
	case name.kind == documents.Company:
		stored.Company = nil
	case name.kind == documents.Policy && there:
		stored.Policies[rest] = value
	case name.kind == documents.Policy:
		delete(stored.Policies, rest)
	case name.kind == documents.User && there:
		stored.Users[rest] = value
	case name.kind == documents.User:
		delete(stored.Users, rest)
	case name.kind == documents.Endpoint && there:
		_, author, _ := strings.Cut(found.Author, "/")
		stored.Endpoints[rest] = value
		stored.Versions[rest] = catalog.Version{Number: found.Revision, Author: author, Message: found.Note, At: found.At}
	case name.kind == documents.Endpoint:
		delete(stored.Endpoints, rest)
		delete(stored.Versions, rest)
	}
}

func empty(stored *catalog.Stored, kind documents.Kind) {
	switch kind {
	case documents.Company:
		stored.Company = nil
	case documents.Policy:
		clear(stored.Policies)
	case documents.User:
		clear(stored.Users)
	case documents.Endpoint:
		clear(stored.Endpoints)
		clear(stored.Versions)
	}
}
