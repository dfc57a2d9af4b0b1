package catalog

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Draft is a text that somebody means for an address of the console.
type Draft struct {
	Endpoint *Endpoint // nil: the text says too little
	Faults   Diagnostics
	Warnings Diagnostics     // of what would come of it; none where there are faults
	Columns  []source.Column // of the result; nil: not known
	Asked    bool            // the source has judged the statement
}

// CheckDraft holds a text to everything that an endpoint of the console has to pass before it goes live, and keeps nothing. It
// blocks while the source is asked, for Options.CheckTimeout at most and no longer than ctx. The error says that the source could
// not be asked; what is wrong with the text itself is in the draft all the same. judge asks the source; it is given the endpoint,
// which is nobody else's.
func (c *Catalog) CheckDraft(
	ctx context.Context, address dataapi.Address, text []byte,
	judge func(ctx context.Context, endpoint *Endpoint) ([]source.Column, error),
) (draft Draft, err error) {
	defer func() {
		if draft.Faults = draft.Faults.Sorted(); len(draft.Faults) == 0 && draft.Endpoint != nil {
			draft.Warnings = c.draftWarnings(&draft)
		}
	}()
	report := document.Report{File: document.StoredName(path.Join(address.Company, address.Path()+".sql"))}
	report.Dialects = document.Dialects{BySource: c.options.DialectOf, Others: c.options.Dialects}
	done := lockLargeFile(text)
	draft.Endpoint, _ = document.ParseStoredEndpoint(address, text, c.options.Authors, &report)
	done()
	draft.Faults = report.All()
	if draft.Endpoint == nil || !draft.Endpoint.Places.Askable {
		return draft, nil
	}
	slots := c.slotsOf(draft.Endpoint.Source)
	select {
	case slots.drafts <- struct{}{}:
		defer func() { <-slots.drafts }()
	case <-ctx.Done():
		return draft, ctx.Err()
	}
	since := slots.answers()
	asking, cancel := context.WithTimeout(ctx, c.options.CheckTimeout)
	defer cancel()
	columns, err := judge(asking, draft.Endpoint)
	if alive(err) {
		slots.hear()
	}
	if timedOut(err) && ctx.Err() == nil && slots.answers() != since {
		err = tooSlow(c.options.CheckTimeout)
	}
	switch {
	case ctx.Err() != nil:
		return draft, ctx.Err()
	case err == nil:
		draft.Columns, draft.Asked = columns, true
		draft.Faults = append(draft.Faults, columnFaults(draft.Endpoint, columns)...)
	case unreachable(err):
		if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
			err = &dataapi.Error{Code: dataapi.CodeSourceUnavailable, Err: fmt.Errorf("a draft was not judged: %w", err)}
		}
		return draft, err
	default:
		draft.Asked = true
		fault := checkFault(draft.Endpoint, err)
		// Reading the text and the source both look for parameters that are not declared, for example, in different words.
		if !slices.ContainsFunc(draft.Faults, func(f Diagnostic) bool { return f.Line == fault.Line && f.Column == fault.Column }) {
			draft.Faults = append(draft.Faults, fault)
		}
	}
	return draft, nil
}

// Authors are the companies that may publish from the console, by source. They must not be changed.
func (c *Catalog) Authors() document.Authors { return c.options.Authors }
