package openapi

import (
	_ "embed"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/result"
)

//go:embed base.yaml
var baseText []byte

// base is what every document begins with.
var base = read(baseText)

// Options vary a document.
type Options struct {
	// Server is the URL that paths are relative to. Empty: the server that the document was read from.
	Server string

	// Formats are those that a result can be asked for in, the default first.
	Formats []*result.Format

	// Reserved are the names that a query means otherwise than as parameters of an endpoint.
	Reserved []string
}

// Document describes what a caller may run, and nothing else. Offers are all that [execution.Plan.Offers] returns for the
// caller. The same arguments give the same bytes: one JSON object, without a line break at its end.
func Document(caller identity.Principal, offers []execution.Offer, options Options) ([]byte, error) {
	loaded, err := base()
	if err != nil {
		return nil, fmt.Errorf("the beginning of every document: %w", err)
	}
	d := &document{T: loaded, Options: options}
	d.Info.Title = "Data API for " + caller.Company.Name
	d.Info.Description = introduction
	if options.Server != "" {
		d.Servers = openapi3.Servers{{URL: options.Server}}
	}
	d.addUsage(caller)
	if err := d.addManagement(caller); err != nil {
		return nil, err
	}
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			d.addFixedErrors(operation)
		}
	}
	d.addShared()
	namespaces := make(map[string]bool)
	for _, offer := range offers {
		if !namespaces[offer.Namespace] {
			namespaces[offer.Namespace] = true
			d.Tags = append(d.Tags, &openapi3.Tag{Name: tagOf(offer), Description: "The endpoints of the namespace " + offer.Namespace + "."})
		}
		if err := d.addEndpoint(caller, offer); err != nil {
			return nil, fmt.Errorf("%s: %w", offer.Address, err)
		}
	}
	d.addSharedJobs(caller)
	d.addHeaders(caller)
	return d.encode()
}

const introduction = `Named SQL queries as endpoints: this document holds the ones that you may run, with the parameters that you may give.

1. Exchange your API key for tokens: ` + "`POST /api/v1/auth/api-key`" + `.
2. Execute an endpoint with the access token: ` + "`POST /api/v1/data-api/{namespace}/{slug}/execute`" + `.
3. Read the result from the answer (200), or poll the job that became of the call (202).

` + "`Accept` chooses the format of a result; so does a suffix of the path, such as `/execute.csv`. With `?rows_as=arrays` the rows of JSON are arrays " + `
in the order of the columns, which the schemas here do not describe. With ` + "`Prefer: respond-async`, and with `Prefer: wait=N`" + ` when the
result is not there in time, a call becomes a job: 202, as in ` + "`x-with-prefer`" + ` of an operation that does not answer so by itself. ` + "`GET`" + ` has
the parameters in the URL, for tools that can only read one; an array is written by repetition.

Errors are ` + "`application/problem+json`" + `; programs look at ` + "`code`" + `. In results, numbers keep every digit that the database has:
read them with a parser that does, where a 64-bit float is not enough. NaN and the infinities are strings, since JSON has no such numbers.`

// document is one that is being made.
type document struct {
	*openapi3.T
	Options
	sharedJobs execution.Offer // what the caller may do with jobs of endpoints whose calls answer with results
}
