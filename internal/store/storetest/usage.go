package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// UsageStore tests an implementation of [usage.Store]. open returns an empty store, and a function that closes it and opens
// it again as a restarted process would.
func UsageStore(t *testing.T, open func(t *testing.T) (store usage.Store, reopen func() usage.Store)) {
	t.Helper()
	for name, test := range map[string]func(usageTest){
		"a row comes back as it was":                 usageTest.comesBack,
		"batches add up":                             usageTest.addUp,
		"a batch is added once":                      usageTest.addedOnce,
		"sources are told apart":                     usageTest.sources,
		"rows are selected by time":                  usageTest.selectedByTime,
		"rows are selected by who has called":        usageTest.selectedByCaller,
		"rows are summed up":                         usageTest.summedUp,
		"too many rows are refused":                  usageTest.tooMany,
		"sweeping removes what is old":               usageTest.swept,
		"batches that come together lose nothing":    usageTest.together,
		"writes survive a restart":                   usageTest.survivesRestart,
		"a context that has ended changes nothing":   usageTest.contextEnded,
		"many rows are read and removed in portions": usageTest.many,
	} {
		t.Run(name, func(t *testing.T) {
			store, reopen := open(t)
			test(usageTest{t, store, reopen})
		})
	}
}

// usageTest is one test's store.
type usageTest struct {
	*testing.T
	store  usage.Store
	reopen func() usage.Store
}

// usageEpoch is the beginning of an hour.
var usageEpoch = time.Date(2026, 4, 11, 10, 0, 0, 0, time.UTC)

func usageRow(hours int, company, user, keyID, slug string, calls int64) usage.Row {
	row := usage.Row{
		Hour: usageEpoch.Add(time.Duration(hours) * time.Hour),
		Key: usage.Key{
			Company: company, User: user, KeyID: keyID, Endpoint: dataapi.Address{Company: "acme", Namespace: "default", Slug: slug},
		},
	}
	row.Counts[usage.Calls] = calls
	return row
}

// everywhere selects every row, and sums up none.
var everywhere = usage.Filter{
	From: usageEpoch.Add(-1000 * time.Hour), To: usageEpoch.Add(1000 * time.Hour),
	By: usage.ByHour | usage.ByUser | usage.ByKey | usage.ByEndpoint,
}

func (t usageTest) add(source string, number uint64, rows ...usage.Row) {
	t.Helper()
	err := t.store.AddUsage(t.Context(), usage.Batch{Source: source, Number: number, At: usageEpoch, Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
}

func (t usageTest) read(filter usage.Filter) []usage.Row {
	t.Helper()
	rows, err := t.store.ReadUsage(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (t usageTest) want(filter usage.Filter, want ...usage.Row) {
	t.Helper()
	got := t.read(filter)
	order := func(a, b usage.Row) int {
		return cmp.Or(a.Hour.Compare(b.Hour), strings.Compare(fmt.Sprint(a.Key), fmt.Sprint(b.Key)))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("under %+v\n got %+v\nwant %+v", filter, got, want)
	}
}

func (t usageTest) sweep(before time.Time, limit int) (more bool) {
	t.Helper()
	more, err := t.store.SweepUsage(t.Context(), before, limit)
	if err != nil {
		t.Fatal(err)
	}
	return more
}

func (t usageTest) comesBack() {
	t.want(everywhere)
	full := usageRow(0, "acme", "erp", "s42_key", "sales", 1)
	for field := range full.Counts {
		full.Counts[field] = math.MaxInt64/8 - int64(field)
	}
	bare := usageRow(0, "acme", "erp", "", "", 1)
	bare.Endpoint = dataapi.Address{}
	last := usageRow(0, "acme", "erp", "s42_key", "other", 0)
	last.Counts[usage.Fields-1] = 7
	t.add("a", 1, full, bare, last)
	t.want(everywhere, full, bare, last)
}

func (t usageTest) addUp() {
	t.add("a", 1, usageRow(0, "acme", "erp", "k", "sales", 3), usageRow(1, "acme", "erp", "k", "sales", 5))
	second := usageRow(0, "acme", "erp", "k", "sales", 4)
	second.Counts[usage.Gone] = 2
	t.add("a", 2, second)
	sum := usageRow(0, "acme", "erp", "k", "sales", 7)
	sum.Counts[usage.Gone] = 2
	t.want(everywhere, sum, usageRow(1, "acme", "erp", "k", "sales", 5))
}

func (t usageTest) addedOnce() {
	row := usageRow(0, "acme", "erp", "k", "sales", 3)
	t.add("a", 1, row)
	t.add("a", 1, row)
	t.want(everywhere, row)
	t.store = t.reopen()
	t.add("a", 1, row)
	t.want(everywhere, row)
	t.add("a", 5, usageRow(0, "acme", "erp", "k", "sales", 1))
	t.add("a", 4, row) // it comes late
	t.want(everywhere, usageRow(0, "acme", "erp", "k", "sales", 4))
}

func (t usageTest) sources() {
	row := usageRow(0, "acme", "erp", "k", "sales", 3)
	t.add("a", 1, row)
	t.add("b", 1, row)
	t.add("A", 1, row)
	t.want(everywhere, usageRow(0, "acme", "erp", "k", "sales", 9))
}

func (t usageTest) selectedByTime() {
	var rows []usage.Row
	for hour := range 5 {
		rows = append(rows, usageRow(hour, "acme", "erp", "k", "sales", 1))
	}
	t.add("a", 1, rows...)
	between := func(from, to time.Duration) usage.Filter {
		filter := everywhere
		filter.From, filter.To = usageEpoch.Add(from).In(time.FixedZone("BRT", -3*3600)), usageEpoch.Add(to)
		return filter
	}
	t.want(between(time.Hour, 3*time.Hour), rows[1:3]...)
	t.want(between(time.Minute, time.Hour+time.Second), rows[1])
	t.want(between(time.Hour, time.Hour))
	t.want(between(3*time.Hour, time.Hour))
	t.want(usage.Filter{From: time.Time{}, To: usageEpoch.AddDate(5000, 0, 0), By: everywhere.By}, rows...)
}

func (t usageTest) selectedByCaller() {
	rows := []usage.Row{
		usageRow(0, "acme", "erp", "k", "sales", 1), usageRow(0, "acme", "web", "l", "sales", 2), usageRow(1, "acme", "erp", "k", "sales", 3),
		usageRow(0, "acm", "erp", "m", "sales", 4), usageRow(1, "acme-2", "erp", "n", "sales", 5), usageRow(2, "acme", "erp", "k", "sales", 6),
		usageRow(0, "zoo", "erp", "o", "sales", 7),
	}
	t.add("a", 1, rows...)
	filter := everywhere
	filter.Company = "acme"
	t.want(filter, rows[0], rows[1], rows[2], rows[5])
	filter.User = "erp"
	t.want(filter, rows[0], rows[2], rows[5])
	filter.Company, filter.User = "initech", ""
	t.want(filter)
}

func (t usageTest) summedUp() {
	t.add("a", 1,
		usageRow(0, "acme", "erp", "k", "sales", 1), usageRow(0, "acme", "erp", "l", "sales", 2), usageRow(1, "acme", "web", "m", "stock", 4),
		usageRow(14, "acme", "erp", "k", "stock", 8), usageRow(0, "globex", "erp", "k", "sales", 16), // the next day
	)
	day := usageEpoch.Truncate(24 * time.Hour)
	sum := func(hour time.Time, company, user, keyID, slug string, calls int64) usage.Row {
		row := usage.Row{Hour: hour, Key: usage.Key{Company: company, User: user, KeyID: keyID}}
		if slug != "" {
			row.Endpoint = dataapi.Address{Company: "acme", Namespace: "default", Slug: slug}
		}
		row.Counts[usage.Calls] = calls
		return row
	}
	none := time.Time{}
	for by, want := range map[usage.Dimensions][]usage.Row{
		0:            {sum(none, "acme", "", "", "", 15), sum(none, "globex", "", "", "", 16)},
		usage.ByUser: {sum(none, "acme", "erp", "", "", 11), sum(none, "acme", "web", "", "", 4), sum(none, "globex", "erp", "", "", 16)},
		usage.ByKey: {
			sum(none, "acme", "", "k", "", 9), sum(none, "acme", "", "l", "", 2), sum(none, "acme", "", "m", "", 4),
			sum(none, "globex", "", "k", "", 16),
		},
		usage.ByEndpoint: {sum(none, "acme", "", "", "sales", 3), sum(none, "acme", "", "", "stock", 12), sum(none, "globex", "", "", "sales", 16)},
		usage.ByDay: {
			sum(day, "acme", "", "", "", 7), sum(day.Add(24*time.Hour), "acme", "", "", "", 8), sum(day, "globex", "", "", "", 16),
		},
		usage.ByHour: {
			sum(usageEpoch, "acme", "", "", "", 3), sum(usageEpoch.Add(time.Hour), "acme", "", "", "", 4),
			sum(usageEpoch.Add(14*time.Hour), "acme", "", "", "", 8), sum(usageEpoch, "globex", "", "", "", 16),
		},
		usage.ByDay | usage.ByUser: {
			sum(day, "acme", "erp", "", "", 3), sum(day, "acme", "web", "", "", 4), sum(day.Add(24*time.Hour), "acme", "erp", "", "", 8),
			sum(day, "globex", "erp", "", "", 16),
		},
	} {
		filter := everywhere
		filter.By = by
		t.want(filter, want...)
	}
}

func (t usageTest) tooMany() {
	t.add("a", 1, usageRow(0, "acme", "erp", "k", "sales", 1), usageRow(1, "acme", "erp", "l", "sales", 2), usageRow(2, "acme", "erp", "m", "sales", 2))
	filter := everywhere
	filter.Most = 2
	if rows, err := t.store.ReadUsage(t.Context(), filter); !errors.Is(err, usage.ErrTooMany) {
		t.Errorf("three rows of two: %v, %v", rows, err)
	}
	filter.Most = 3
	if rows := t.read(filter); len(rows) != 3 {
		t.Errorf("three rows of three: %v", rows)
	}
	filter.Most, filter.By = 1, usage.ByUser
	if rows := t.read(filter); len(rows) != 1 {
		t.Errorf("one sum of one: %v", rows)
	}
}

func (t usageTest) swept() {
	if t.sweep(usageEpoch, 10) {
		t.Error("there is more of nothing")
	}
	var rows []usage.Row
	for hour := range 5 {
		rows = append(rows, usageRow(hour, "acme", "erp", "k", "sales", 1))
	}
	t.add("a", 1, rows...)
	if !t.sweep(usageEpoch.Add(3*time.Hour), 2) {
		t.Error("nothing more after two of three")
	}
	t.want(everywhere, rows[2:]...)
	for t.sweep(usageEpoch.Add(3*time.Hour), 2) {
	}
	t.want(everywhere, rows[3:]...)
	// The source is gone with its last batch, and so begins again.
	t.add("a", 1, usageRow(4, "acme", "erp", "k", "sales", 1))
	t.want(everywhere, rows[3], usageRow(4, "acme", "erp", "k", "sales", 2))
	t.sweep(usageEpoch.Add(-time.Second), 10) // one that is not as old stays
	t.add("a", 1, rows[4])
	t.want(everywhere, rows[3], usageRow(4, "acme", "erp", "k", "sales", 2))
}

func (t usageTest) together() {
	const writers, batches = 8, 20
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for number := range batches {
				batch := usage.Batch{Source: fmt.Sprint(writer), Number: uint64(number) + 1, At: usageEpoch}
				for slug := range 5 {
					batch.Rows = append(batch.Rows, usageRow(0, "acme", "erp", "k", fmt.Sprint(slug), 1))
				}
				if writer%2 == 1 { // the other way round, which a store that locks rows has to cope with
					slices.Reverse(batch.Rows)
				}
				for range 2 {
					if err := t.store.AddUsage(t.Context(), batch); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	filter := everywhere
	filter.By = usage.ByEndpoint
	rows := t.read(filter)
	for _, row := range rows {
		if row.Counts[usage.Calls] != writers*batches {
			t.Errorf("%+v, want %d calls", row, writers*batches)
		}
	}
	if len(rows) != 5 {
		t.Errorf("%d rows", len(rows))
	}
}

func (t usageTest) survivesRestart() {
	row := usageRow(0, "acme", "erp", "k", "sales", 3)
	t.add("a", 1, row)
	t.store = t.reopen()
	t.want(everywhere, row)
}

func (t usageTest) contextEnded() {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	row := usageRow(0, "acme", "erp", "k", "sales", 3)
	if err := t.store.AddUsage(ended, usage.Batch{Source: "a", Number: 1, At: usageEpoch, Rows: []usage.Row{row}}); !errors.Is(err, context.Canceled) {
		t.Errorf("AddUsage: %v", err)
	}
	t.want(everywhere)
	t.add("a", 1, row)
	if _, err := t.store.ReadUsage(ended, everywhere); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadUsage: %v", err)
	}
	if _, err := t.store.SweepUsage(ended, usageEpoch.Add(time.Hour), 10); !errors.Is(err, context.Canceled) {
		t.Errorf("SweepUsage: %v", err)
	}
	t.want(everywhere, row)
}

func (t usageTest) many() {
	const hours, users = 60, 100
	for hour := range hours {
		var rows []usage.Row
		for user := range users {
			rows = append(rows, usageRow(hour, fmt.Sprintf("c%02d", user%10), fmt.Sprint("u", user), "k", "sales", 1))
		}
		t.add("a", uint64(hour)+1, rows...)
	}
	filter := everywhere
	if rows := t.read(filter); len(rows) != hours*users {
		t.Errorf("%d rows, want %d", len(rows), hours*users)
	}
	filter.Company, filter.By = "c05", 0
	if rows := t.read(filter); len(rows) != 1 || rows[0].Counts[usage.Calls] != hours*users/10 {
		t.Errorf("%+v, want %d calls", rows, hours*users/10)
	}
	steps := 1
	for t.sweep(usageEpoch.Add((hours-1)*time.Hour), 500) {
		steps++
	}
	if rows := t.read(everywhere); len(rows) != users || steps < (hours-1)*users/500 {
		t.Errorf("%d rows are left after %d steps, want %d", len(rows), steps, users)
	}
}
