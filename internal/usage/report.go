package usage

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Report is what was counted in a time.
type Report struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"` // exclusive
	By     []string  `json:"by"`
	Usage  []Line    `json:"usage"` // of one time together: the most calls first
	More   bool      `json:"more"`  // there are more lines than were asked for
	Totals Sum       `json:"totals"`
}

// Line is one sum of a report. Of what it is, only those are there that the report tells apart; one that is not known is empty:
// a request that was refused early has no endpoint, and a caller whom a trusted issuer authenticates has no API key.
type Line struct {
	Hour     *time.Time `json:"hour,omitempty"`
	Day      *string    `json:"day,omitempty"`
	Company  *string    `json:"company,omitempty"`
	User     *string    `json:"user,omitempty"`
	APIKey   *string    `json:"api_key,omitempty"`
	Endpoint *string    `json:"endpoint,omitempty"` // company/namespace/slug
	Sum
}

// Sum is what was counted, as [Field] says.
type Sum struct {
	Calls           int64   `json:"calls"`
	Errors          Errors  `json:"errors"`
	Rows            int64   `json:"rows"`
	Bytes           int64   `json:"bytes"`
	DatabaseSeconds float64 `json:"database_seconds"`
	CacheHits       int64   `json:"cache_hits"`
	Jobs            int64   `json:"jobs"`
}

// Errors are the calls and jobs that did not succeed, by class.
type Errors struct {
	Invalid  int64 `json:"invalid"`
	Denied   int64 `json:"denied"`
	NotFound int64 `json:"not_found"`
	TimedOut int64 `json:"timed_out"`
	Limited  int64 `json:"limited"`
	Failed   int64 `json:"failed"`
	Gone     int64 `json:"gone"`
}

// Total is how many there are of all classes.
func (e Errors) Total() int64 {
	return e.Invalid + e.Denied + e.NotFound + e.TimedOut + e.Limited + e.Failed + e.Gone
}

func sumOf(c *Counts) Sum {
	return Sum{
		Calls: c[Calls], Rows: c[Rows], Bytes: c[Bytes], CacheHits: c[CacheHits], Jobs: c[Jobs],
		DatabaseSeconds: (time.Duration(c[DatabaseMicros]) * time.Microsecond).Seconds(),
		Errors: Errors{
			Invalid: c[Invalid], Denied: c[Denied], NotFound: c[NotFound], TimedOut: c[TimedOut], Limited: c[Limited], Failed: c[Failed], Gone: c[Gone],
		},
	}
}

// Report answers a query, with what is not in the store yet. It fails with dataapi.CodeInvalidRequest when it would have to make
// too many sums, and otherwise as [Counter.Read] does.
func (c *Counter) Report(ctx context.Context, query Query) (Report, error) {
	rows, err := c.Read(ctx, Filter{From: query.From, To: query.To, Company: query.Company, By: query.By, Most: maxSums})
	if errors.Is(err, ErrTooMany) {
		return Report{}, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"There is more usage than a report holds, %d lines: ask for less time at once, or tell fewer things apart in by.", maxSums)
	}
	if err != nil {
		return Report{}, err
	}
	var totals Counts
	for i := range rows {
		totals.Add(&rows[i].Counts)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(b.Counts[Calls], a.Counts[Calls]), strings.Compare(a.Company, b.Company),
			strings.Compare(a.User, b.User), strings.Compare(a.KeyID, b.KeyID), strings.Compare(a.Endpoint.String(), b.Endpoint.String()))
	})
	report := Report{From: query.From, To: query.To, By: query.By.names(), Usage: []Line{}, Totals: sumOf(&totals), More: len(rows) > query.Limit}
	for i := range rows[:min(len(rows), query.Limit)] {
		report.Usage = append(report.Usage, query.line(&rows[i]))
	}
	return report, nil
}

func (q *Query) line(row *Row) Line {
	line := Line{Sum: sumOf(&row.Counts)}
	if q.Company == "" {
		line.Company = &row.Company
	}
	if q.By&ByHour != 0 {
		line.Hour = &row.Hour
	}
	if q.By&ByDay != 0 {
		line.Day = new(row.Hour.Format(time.DateOnly))
	}
	if q.By&ByUser != 0 {
		line.User = &row.User
	}
	if q.By&ByKey != 0 {
		line.APIKey = &row.KeyID
	}
	if q.By&ByEndpoint != 0 {
		line.Endpoint = new("")
		if row.Endpoint != (dataapi.Address{}) {
			line.Endpoint = new(row.Endpoint.String())
		}
	}
	return line
}

// sumColumns are the names of what Sum.texts returns.
var sumColumns = []string{
	"calls", "errors", "invalid", "denied", "not_found", "timed_out", "limited", "failed", "gone",
	"rows", "bytes", "database_seconds", "cache_hits", "jobs",
}

func (s *Sum) texts() []string {
	e := s.Errors
	var texts []string
	for _, n := range []int64{
		s.Calls, e.Total(), e.Invalid, e.Denied, e.NotFound, e.TimedOut, e.Limited, e.Failed, e.Gone, s.Rows, s.Bytes,
	} {
		texts = append(texts, strconv.FormatInt(n, 10))
	}
	return append(texts, strconv.FormatFloat(s.DatabaseSeconds, 'f', 6, 64), strconv.FormatInt(s.CacheHits, 10), strconv.FormatInt(s.Jobs, 10))
}

// Names returns the names of the fields that say what a line is of, and for each line their values.
func (r *Report) Names() (names []string, values [][]string) {
	company := len(r.Usage) > 0 && r.Usage[0].Company != nil
	names = slices.Clone(r.By)
	if at := slices.Index(names, "key"); at >= 0 {
		names[at] = "api_key"
	}
	if company {
		at := 0 // behind the time
		for at < len(names) && (names[at] == "hour" || names[at] == "day") {
			at++
		}
		names = slices.Insert(names, at, "company")
	}
	for i := range r.Usage {
		line := &r.Usage[i]
		var texts []string
		if line.Hour != nil {
			texts = append(texts, line.Hour.Format(time.RFC3339))
		}
		for _, value := range []*string{line.Day, line.Company, line.User, line.APIKey, line.Endpoint} {
			if value != nil {
				texts = append(texts, *value)
			}
		}
		values = append(values, texts)
	}
	return names, values
}

// TableNumbers is how many columns of a table are numbers: the last.
const TableNumbers = 7

// Table returns the report for people: the names of the columns, a row for each line, and one for the totals.
func (r *Report) Table() (names []string, rows [][]string) {
	names, values := r.Names()
	labels := len(names)
	names = append(names, "calls", "errors", "rows", "bytes", "database s", "cache hits", "jobs")
	for i := range r.Usage {
		rows = append(rows, append(values[i], r.Usage[i].brief()...))
	}
	if labels == 0 { // nothing is told apart: the one line is the total
		return names, rows
	}
	total := make([]string, labels, len(names))
	total[0] = "total"
	return names, append(rows, append(total, r.Totals.brief()...))
}

// brief is a sum without the classes of errors.
func (s *Sum) brief() []string {
	all := s.texts()
	seconds := strconv.FormatFloat(s.DatabaseSeconds, 'f', 1, 64)
	return []string{all[0], all[1], all[9], all[10], seconds, all[12], all[13]}
}

// WriteCSV writes the lines as CSV (RFC 4180), with a header and without totals. It has a column for the errors of each class,
// and one for all of them.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	names, values := r.Names()
	_ = out.Write(append(names, sumColumns...)) // Error has what goes wrong
	for i := range r.Usage {
		_ = out.Write(append(values[i], r.Usage[i].texts()...))
	}
	out.Flush()
	return out.Error()
}
