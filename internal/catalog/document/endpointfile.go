package document

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
	"unique"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/source"
)

// The lines around the YAML of an endpoint file.
const (
	FrontMatterBegin = "/*---"
	FrontMatterEnd   = "---*/"
)

// ParseEndpoint reads an endpoint file. The endpoint is sound when there are no diagnostics, all of which are in the report.
// One that is not sound is returned where it can be read, to look for faults beyond the file, and is nil otherwise. It
// has no contract when a parameter is at fault.
func ParseEndpoint(address dataapi.Address, text []byte, r *Report) (endpoint *Endpoint, sound bool) {
	matter, sql, sqlAt, ok := splitFile(text, r)
	if !ok {
		return nil, false
	}
	digest := Digest(text)
	endpoint = &Endpoint{
		Address: address, File: r.File, Origin: OfFile, Digest: digest, Revision: hex.EncodeToString(digest[:8]),
		Places: EndpointPlaces{Statement: sqlAt},
	}
	endpoint.Statement.SQL, endpoint.Statement.Name = sql, address.String()
	root := parseYAML(matter, 2, r)
	if root == nil {
		return nil, false
	}
	endpoint.readFrontMatter(root, r)
	return endpoint, len(r.diagnostics) == 0
}

// splitFile divides a file into its front matter, which begins in line 2, and its statement.
func splitFile(text []byte, r *Report) (matter []byte, sql string, sqlAt Place, ok bool) {
	text, ok = plainText(text, r)
	if !ok {
		return nil, "", Place{}, false
	}
	lines := strings.SplitAfter(string(text), "\n")
	if strings.TrimRight(lines[0], " \t\n") != FrontMatterBegin {
		r.Fault(Place{1, 1}, "the file must begin with a line %s, then YAML, then a line %s, then the statement", FrontMatterBegin, FrontMatterEnd)
		return nil, "", Place{}, false
	}
	for i := 1; i < len(lines); i++ {
		if strings.TrimRight(lines[i], " \t\n") == FrontMatterEnd {
			matter := strings.Join(lines[1:i], "")
			sql, at := trimStatement(strings.Join(lines[i+1:], ""), i+2)
			if sql == "" {
				r.Fault(at, "the statement is missing; one SQL statement must follow the line %s", FrontMatterEnd)
			}
			return []byte(matter), sql, at, true
		}
		if at := strings.Index(lines[i], "*/"); at >= 0 {
			column := utf8.RuneCountInString(lines[i][:at]) + 1
			r.Fault(Place{i + 1, column}, "*/ ends the comment that holds the front matter; it is allowed only in the line %s that closes it", FrontMatterEnd)
			return nil, "", Place{}, false
		}
	}
	r.Fault(Place{1, 1}, "the front matter is not closed; it must end with a line %s", FrontMatterEnd)
	return nil, "", Place{}, false
}

// trimStatement cuts the space around a statement and returns where it begins.
func trimStatement(text string, line int) (string, Place) {
	trimmed := strings.TrimLeft(text, " \t\n")
	before := text[:len(text)-len(trimmed)]
	column := len(before) - (strings.LastIndexByte(before, '\n') + 1) + 1
	return strings.TrimRight(trimmed, " \t\n"), Place{line + strings.Count(before, "\n"), column}
}

func (e *Endpoint) readFrontMatter(root *node, r *Report) {
	f := r.fieldsOf(root, "", "title", "description", "source", "mode", "on_timeout", "active", "params", "limits", "rate",
		"columns", "chart", "deprecated", "sunset", "share")
	e.Title, e.Description = f.text("title"), strings.TrimSpace(f.text("description"))
	e.Source = e.readSource(f)
	e.Mode = readMode(f)
	e.Active = f.active()
	e.Deprecated, e.Sunset = readRetirement(f)
	e.Chart = readChart(f)
	e.OnTimeout = readOnTimeout(f, e.Mode)
	e.Limits = readLimits(f, e.Mode, e.OnTimeout)
	e.Rate = f.rate("rate", ratelimit.Unlimited)
	e.Contract = readParams(f)
	e.Statement.MaxRows = e.Limits.MaxRows
	e.Shares, e.Places.Shares = readShares(f)
	if member, ok := f.by["share"]; ok {
		e.Places.Share = member.Place
	}
	e.Places.Params = memberPlaces(f, "params")
	if e.Contract != nil {
		e.Statement.Params = e.Contract.SourceParams()
	}
	e.checkShares(r)
	before := r.count()
	e.Statement.Columns, e.Columns = readColumns(f)
	e.Places.Columns = memberPlaces(f, "columns")
	statement := readStatement(e.Statement.SQL, r.Dialects.of(e.Source))
	e.checkNames(f, statement)
	for _, fault := range statement.faults {
		line, column := e.Position(fault.Offset)
		advice := ""
		if fault.Placeholder && len(e.Places.Params) > 0 {
			advice = "; " + declared(e.Places.Params.Names())
		}
		r.Fault(Place{line, column}, "%s%s", fault.Message, advice)
	}
	e.Places.Askable = r.count() == before && e.Contract != nil && e.Source != "" && e.Statement.SQL != ""
}

func (e *Endpoint) readSource(f fields) string {
	e.Places.Source = f.placeOf("source")
	name := f.text("source")
	if !f.has("source") {
		f.Fault(Place{1, 1}, "source is missing; it names the database that the statement runs on, such as source: demo")
	}
	return name
}

func readMode(f fields) Mode {
	switch mode := Mode(f.text("mode")); mode {
	case Sync, Async:
		return mode
	case "":
		if !f.has("mode") {
			return Sync
		}
	}
	if value := f.by["mode"].value; value.kind == scalarNode {
		f.FaultAllowing(value.Place, []string{string(Sync), string(Async)},
			"mode must be sync or async; got %s%s", value.describe(), valueMeant(value, string(Sync), string(Async)))
	}
	return Sync
}

func readOnTimeout(f fields, mode Mode) OnTimeout {
	member, ok := f.by["on_timeout"]
	if !ok {
		return Fail
	}
	switch way := OnTimeout(f.text("on_timeout")); {
	case way == Continue && mode == Async:
		f.Fault(member.value.Place, "on_timeout: continue is for mode: sync; in mode: async nobody waits, and the job ends at limits.timeout")
	case way == Fail, way == Continue:
		return way
	case member.value.kind == scalarNode:
		f.FaultAllowing(member.value.Place, []string{string(Fail), string(Continue)}, "on_timeout must be fail or continue; got %s%s", member.value.describe(),
			valueMeant(member.value, string(Fail), string(Continue)))
	}
	return Fail
}

func readLimits(f fields, mode Mode, onTimeout OnTimeout) Limits {
	limits := Limits{Timeout: MaxSyncTimeout, MaxRows: DefaultMaxRows}
	most, beyond := MaxSyncTimeout, "; a longer query runs as a job, for up to "+dataapi.Span(MaxAsyncTimeout)+
		": with mode: async, or with on_timeout: continue and limits.job_timeout"
	if mode == Async {
		limits.Timeout, most, beyond = DefaultAsyncTimeout, MaxAsyncTimeout, ""
	}
	given := fields{Report: f.Report}
	if member, ok := f.by["limits"]; ok {
		given = f.fieldsOf(member.value, "limits", "timeout", "job_timeout", "max_rows", "cache", "stale_while_revalidate")
	}
	limits.Timeout = given.duration("timeout", limits.Timeout, most, beyond)
	limits.JobTimeout = limits.Timeout
	if onTimeout == Continue {
		limits.JobTimeout = given.duration("job_timeout", DefaultAsyncTimeout, MaxAsyncTimeout, "")
	} else if given.has("job_timeout") {
		given.Fault(given.placeOf("job_timeout"), "limits.job_timeout is allowed beside on_timeout: continue only; otherwise limits.timeout holds for jobs too")
	}
	if rows := given.integer("max_rows", 1, MaxMaxRows); rows != nil {
		limits.MaxRows = *rows
	}
	readCacheLimits(given, &limits, mode, onTimeout)
	return limits
}

// readCacheLimits reads how long results are kept in memory. What runs as a job is kept by the store, and not here.
func readCacheLimits(given fields, limits *Limits, mode Mode, onTimeout OnTimeout) {
	limits.Cache = given.duration("cache", 0, MaxCache, "")
	limits.StaleWhileRevalidate = given.duration("stale_while_revalidate", 0, MaxCache, "")
	if given.has("cache") && (mode == Async || onTimeout == Continue) {
		given.Fault(given.placeOf("cache"),
			"limits.cache is for mode: sync with on_timeout: fail; other endpoints answer with jobs, whose results are kept anyway")
	}
	if given.has("stale_while_revalidate") && !given.has("cache") {
		given.Fault(given.placeOf("stale_while_revalidate"), "limits.stale_while_revalidate is allowed beside limits.cache only")
	}
}

// maxScale is the most digits after the point that a column may declare.
const maxScale = 100

func readColumns(f fields) (map[string]source.ColumnSpec, map[string]ColumnNote) {
	member, ok := f.by["columns"]
	if !ok {
		return nil, nil
	}
	declared := f.membersOf(member.value, "columns")
	columns, notes := make(map[string]source.ColumnSpec, len(declared)), make(map[string]ColumnNote)
	for _, column := range declared {
		given := f.fieldsOf(column.value, "columns."+column.key, "type", "scale", "nullable", "description")
		spec := source.ColumnSpec{Type: source.Type(given.text("type")), Scale: given.integer("scale", 0, maxScale)}
		if spec.Type != "" && !validColumnType(spec.Type) {
			given.FaultAllowing(given.placeOf("type"), names(source.Types()), "%s must be one of %s, or an array of one such as %s; got %q%s",
				given.name("type"), typeList(source.Types()), source.ArrayOf(source.TypeInteger), spec.Type,
				typeMeant(string(spec.Type), names(source.Types()), columnTypesMeant))
		} else if spec.Scale != nil && spec.Type != source.TypeDecimal {
			given.Fault(given.placeOf("scale"), "%s is allowed beside type: %s only", given.name("scale"), source.TypeDecimal)
		}
		columns[column.key] = spec
		note := ColumnNote{Description: strings.TrimSpace(given.text("description")), NotNull: !given.boolean("nullable", true)}
		if note != (ColumnNote{}) { // few columns have one, and there may be very many endpoints
			notes[column.key] = note
		}
	}
	return columns, notes
}

func validColumnType(t source.Type) bool {
	return slices.ContainsFunc(source.Types(), func(known source.Type) bool {
		return t == known || t == source.ArrayOf(known)
	})
}

func typeList[T ~string](types []T) string { return strings.Join(names(types), ", ") }

func names[T ~string](types []T) []string {
	list := make([]string, 0, len(types))
	for _, name := range types {
		list = append(list, string(name))
	}
	return list
}

// memberPlaces is where the members of a map are, such as the parameters that a file declares, sound or not.
func memberPlaces(f fields, key string) Places {
	member, ok := f.by[key]
	if !ok || member.value.kind != mapNode {
		return nil
	}
	places := make(Places, len(member.value.members))
	for i, one := range member.value.members {
		places[i] = NamedPlace{unique.Make(one.key).Value(), one.Place}
	}
	slices.SortFunc(places, func(a, b NamedPlace) int { return strings.Compare(a.Name, b.Name) })
	return places
}

// checkNames reports parameters that the statement uses and the front matter does not declare, and those that it declares
// and the statement does not use: a filter that was forgotten returns too much. A source knows its dialect better and is
// asked later; this is for catalogs that are checked without their sources.
func (e *Endpoint) checkNames(f fields, statement reading) {
	names := e.Places.Params
	declaredNames := names.Names()
	known := declared(declaredNames)
	for _, use := range statement.uses {
		if _, ok := names.At(use.Name); ok {
			continue
		}
		line, column := e.Position(use.Offset)
		f.Fault(Place{line, column}, "@%s is not declared in params; %s%s", use.Name, known,
			DidYouMean(at(dataapi.Nearest(use.Name, declaredNames))))
	}
	if len(f.Report.Dialects.of(e.Source)) == 0 {
		return // nobody knows what a use looks like
	}
	for _, one := range names {
		name := one.Name
		if !statement.mentioned[name] && e.Statement.SQL != "" && params.ValidName(name) && !f.Report.has(one.Place) {
			f.Fault(one.Place, "parameter %s is declared and never used in the statement; use @%s there, or leave it out here%s",
				name, name, e.mentionedAsText(name))
		}
	}
}

// mentionedAsText says where a statement has the name of a parameter that it does not use: inside of quotes, or written as
// other systems do.
func (e *Endpoint) mentionedAsText(name string) string {
	found := regexp.MustCompile(`(?i)[@:$#{]\s*` + name + `\b`).FindStringIndex(e.Statement.SQL)
	if found == nil {
		return ""
	}
	line, _ := e.Position(found[0])
	return fmt.Sprintf("; %s in line %d is no use of it: a parameter is written @name, in lower case, outside of quotes and comments",
		strings.TrimLeft(e.Statement.SQL[found[0]:found[1]], "{ "), line)
}

func at(name string) string {
	if name == "" {
		return ""
	}
	return "@" + name
}

func declared(names []string) string {
	if len(names) == 0 {
		return "none is declared"
	}
	return "declared are @" + strings.Join(names, ", @")
}

// checkShares reports constraints that this endpoint's parameters cannot have.
func (e *Endpoint) checkShares(r *Report) {
	declaredNames := e.Places.Params.Names()
	for company, context := range e.Shares {
		places := e.Places.Shares[company]
		for name := range context {
			if _, ok := e.Places.Params.At(name); !ok {
				r.Fault(places.Constraints[name].Key, "share.%s constrains %q, which is not a parameter of this endpoint; %s%s",
					company, name, declared(declaredNames), dataapi.DidYouMean(name, declaredNames))
			}
		}
		if e.Contract == nil {
			continue
		}
		for _, fault := range e.Contract.CheckContext(context) {
			at := places.Constraints[fault.Parameter].Of(fault)
			if r.has(at) {
				continue
			}
			r.Fault(at, "share.%s: %s", company, ContextMessage(fault))
		}
	}
}

// ContextMessage words what is wrong with a constraint of a share context.
func ContextMessage(fault params.ContextFault) string {
	if fault.Field == "minimum" || fault.Field == "maximum" {
		return fault.Parameter + "." + fault.Field + " " + inYAML(fault.Message)
	}
	return fault.Parameter + " " + inYAML(fault.Message)
}
