package links

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// wanted is the body of POST .../links. What is left out has its default.
type wanted struct {
	Format          *string           `json:"format"`
	Options         map[string]string `json:"options"`
	ParameterValues jsontext.Value    `json:"parameter_values"`
	Free            []string          `json:"free"`
	ExpiresIn       *int64            `json:"expires_in"` // seconds
	Uses            *int              `json:"uses"`
	Name            string            `json:"name"`
}

// UnknownFieldHint tells those who have sent a parameter as a field.
func (*wanted) UnknownFieldHint() string {
	return "the endpoint's parameters belong inside parameter_values"
}

// made is document with the only copy of the URL.
type made struct {
	document
	URL string `json:"url"`
}

// create makes a link, and shows its URL.
func (l *links) create(w http.ResponseWriter, r *http.Request) error {
	var body wanted
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	if err := respond.DecodeBody(r, &body, true); err != nil {
		return err
	}
	caller, err := l.Renew(respond.CallerOf(r))
	if err != nil {
		return err
	}
	if err := l.authorize(r, caller); err != nil {
		return err
	}
	call, err := l.endpoint(r, caller)
	if err != nil {
		return err
	}
	if call.Endpoint.Mode == catalog.Async {
		return dataapi.Errorf(dataapi.CodeConflict, "This endpoint answers with jobs. Links are for endpoints that answer at once.")
	}
	asked, err := l.ask(r, caller, &body)
	if err != nil {
		return err
	}
	draft := link.Link{
		Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID, Name: body.Name, Free: slices.Sorted(slices.Values(body.Free)),
		Parameters: json.RawMessage(body.ParameterValues),
	}
	if len(draft.Parameters) == 0 || draft.Parameters[0] == 'n' {
		draft.Parameters = json.RawMessage("{}")
	}
	if body.Uses != nil {
		draft.Uses = *body.Uses
	}
	created, text, err := l.Links.Make(r.Context(), draft, body.lifetime(), asked)
	switch {
	case errors.Is(err, link.ErrTooMany):
		return dataapi.Errorf(dataapi.CodeConflict, "Your company has %d links, which is the most. Revoke some, or wait until they expire.", link.MaxPerCompany)
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	l.record(w, r, audit.LinkMade, &created)
	w.Header().Set("Location", fields.BaseOf(r).Path+r.URL.EscapedPath()+"/"+created.ID)
	w.Header().Set("Referrer-Policy", "no-referrer")
	return respond.WriteJSON(w, http.StatusCreated, made{l.describe(&created), l.absolute(r, asked, text)})
}

func (b *wanted) lifetime() time.Duration {
	if b.ExpiresIn == nil {
		return link.DefaultLifetime
	}
	return time.Duration(*b.ExpiresIn) * time.Second
}

// ask returns what a link is to ask for. It fails with every fault that there is.
func (l *links) ask(r *http.Request, caller identity.Principal, body *wanted) (link.Request, error) {
	asked := link.Request{Namespace: r.PathValue("namespace"), Slug: r.PathValue("slug"), Format: "json"}
	if body.Format != nil {
		asked.Format = *body.Format
	}
	if len(body.Options) > 0 {
		asked.Options = body.Options
	}
	call, err := l.Plan().FindRevision(caller, asked.Namespace, asked.Slug, body.Options["revision"])
	if err != nil {
		return asked, err
	}
	asked.Texts, err = call.Endpoint.Contract.ToTexts(json.RawMessage(body.ParameterValues))
	if err := dataapi.JoinFaults(l.checkFields(body), err, checkParameters(caller, call, body, asked.Texts)); err != nil {
		return asked, err
	}
	return asked, nil
}

// faults gathers what is wrong with fields of the body.
type faults []dataapi.Fault

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, dataapi.Fault{Parameter: field, Code: dataapi.CodeInvalidParameter, Detail: fmt.Sprintf(format, args...)})
}

func (f *faults) err() error {
	if len(*f) == 0 {
		return nil
	}
	return &dataapi.Error{Code: dataapi.CodeInvalidParameter, Faults: *f}
}

// checkFields says what is wrong with what the endpoint does not decide.
func (l *links) checkFields(body *wanted) error {
	var found faults
	if seconds := body.ExpiresIn; seconds != nil && (*seconds < int64(link.MinLifetime/time.Second) || *seconds > int64(link.MaxLifetime/time.Second)) {
		found.add("expires_in", "must be %d to %d seconds", int64(link.MinLifetime/time.Second), int64(link.MaxLifetime/time.Second))
	}
	if body.Uses != nil && (*body.Uses < 1 || *body.Uses > link.MaxUses) {
		found.add("uses", "must be 1 to %d; leave it out for a link without such a limit", link.MaxUses)
	}
	if utf8.RuneCountInString(body.Name) > link.MaxName {
		found.add("name", "has more than %d characters", link.MaxName)
	}
	suffix := "json"
	if body.Format != nil {
		suffix = *body.Format
	}
	format := formats.WithSuffix(suffix)
	if format == nil {
		found.add("format", "must be one of %s", dataapi.Listing(suffixes()))
		return found.err()
	}
	for _, name := range slices.Sorted(maps.Keys(body.Options)) {
		if !slices.Contains(l.Reserved, name) || name == fields.LinkQuery {
			known := slices.DeleteFunc(slices.Clone(l.Reserved), func(name string) bool { return name == fields.LinkQuery })
			found.add("options."+name, "is not known; known are %s", dataapi.Listing(known))
		}
	}
	if _, err := formats.Choose(format, body.Options); err != nil {
		found.add("options", "%s", dataapi.AsError(err).Detail)
	}
	return found.err()
}

func suffixes() (suffixes []string) {
	for _, format := range formats.All {
		suffixes = append(suffixes, format.Suffix)
	}
	return suffixes
}

// checkParameters says what is wrong with the parameters that the link is bound to, and with those that are free. One that is free
// and required is missing until the link is used.
func checkParameters(caller identity.Principal, call execution.Call, body *wanted, texts map[string][]string) error {
	var found faults
	contract, named := call.Endpoint.Contract, maps.Clone(texts)
	for n, name := range body.Free {
		switch _, bound := texts[name]; {
		case !contract.Has(name):
			found.add("free", "%q is no parameter of the endpoint", dataapi.Shorten(name, 60))
			continue
		case bound:
			found.add(name, "is in parameter_values and in free: a link is bound to it, or it is free")
		case slices.Contains(body.Free[:n], name):
			found.add("free", "%q is given twice", name)
		}
		if named == nil {
			named = make(map[string][]string)
		}
		named[name] = nil
	}
	for _, name := range contract.SensitiveAmong(named) {
		found.add(name, "is sensitive, and must not be in a URL, which histories and logs keep: call the endpoint with POST")
	}
	_, err := call.Bind(caller, json.RawMessage(body.ParameterValues))
	return dataapi.JoinFaults(found.err(), withoutFree(err, body.Free))
}

// withoutFree leaves out that free parameters are missing.
func withoutFree(err error, free []string) error {
	failure := dataapi.AsError(err)
	if failure == nil || len(failure.Faults) == 0 {
		return err
	}
	left := *failure
	left.Faults = slices.DeleteFunc(slices.Clone(failure.Faults), func(fault dataapi.Fault) bool { return slices.Contains(free, fault.Parameter) })
	if len(left.Faults) == 0 {
		return nil
	}
	return &left
}

// absolute returns the URL of a link, as it is used elsewhere.
func (l *links) absolute(r *http.Request, asked link.Request, text string) string {
	query := make(url.Values, len(asked.Texts)+len(asked.Options))
	for name, texts := range asked.Texts {
		if slices.Contains(l.Reserved, name) {
			name = fields.ParameterPrefix + name
		}
		query[name] = texts
	}
	for name, value := range asked.Options {
		query.Set(name, value)
	}
	address := dataapi.Address{Namespace: asked.Namespace, Slug: asked.Slug}.URLPath() + "/execute." + asked.Format + "?"
	if encoded := query.Encode(); encoded != "" {
		address += encoded + "&"
	}
	address += fields.LinkQuery + "=" + text
	if base := fields.BaseOf(r); base.URL != "" {
		return base.URL + address
	}
	return l.Scheme(r) + "://" + r.Host + fields.BaseOf(r).Path + address
}
