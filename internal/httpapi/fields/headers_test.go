package fields

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestParsePreferences(t *testing.T) {
	for _, test := range []struct {
		fields []string
		want   Preferences
	}{
		{nil, Preferences{}},
		{[]string{""}, Preferences{}},
		{[]string{"respond-async"}, Preferences{RespondAsync: true}},
		{[]string{"Respond-Async"}, Preferences{RespondAsync: true}},
		{[]string{`respond-async=""`}, Preferences{RespondAsync: true}}, // an empty value is no value (RFC 7240, 2)
		{[]string{"respond-async=no"}, Preferences{}},
		{[]string{"respond-async; foo=bar, wait=10"}, Preferences{RespondAsync: true, Wait: 10 * time.Second, HasWait: true}},
		{[]string{"wait=10", "respond-async"}, Preferences{RespondAsync: true, Wait: 10 * time.Second, HasWait: true}},
		{[]string{"wait=1, wait=2"}, Preferences{Wait: time.Second, HasWait: true}},
		{[]string{"wait=x, wait=2"}, Preferences{}}, // the first one counts, and is not valid
		{[]string{"wait = 7"}, Preferences{Wait: 7 * time.Second, HasWait: true}},
		{[]string{`wait="7"`}, Preferences{Wait: 7 * time.Second, HasWait: true}},
		{[]string{`wait="\7"`}, Preferences{Wait: 7 * time.Second, HasWait: true}},
		{[]string{"wait=0"}, Preferences{HasWait: true}},
		{[]string{"wait=060"}, Preferences{Wait: time.Minute, HasWait: true}},
		{[]string{"wait=61"}, Preferences{Wait: time.Minute, HasWait: true}},
		{[]string{"wait=99999999999999999999999"}, Preferences{Wait: time.Minute, HasWait: true}},
		{[]string{"wait=-1"}, Preferences{}},
		{[]string{"wait=+1"}, Preferences{}},
		{[]string{"wait=1.5"}, Preferences{}},
		{[]string{"wait"}, Preferences{}},
		{[]string{`foo="a, wait=5"`}, Preferences{}},
		{[]string{`foo="a\", wait=5", wait=6`}, Preferences{Wait: 6 * time.Second, HasWait: true}},
		{[]string{`foo="open, wait=5`}, Preferences{}},
		{[]string{`foo; bar="; wait=4", wait=5`}, Preferences{Wait: 5 * time.Second, HasWait: true}},
		{[]string{", ,wait=5,,"}, Preferences{Wait: 5 * time.Second, HasWait: true}},
		{[]string{"b@d=1, wait=5"}, Preferences{Wait: 5 * time.Second, HasWait: true}},
	} {
		if got := ParsePreferences(http.Header{"Prefer": test.fields}); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.fields, got, test.want)
		}
	}
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"respond-async, wait=10", `foo="a\", wait=5"; x="y;z", wait=6`, `wait="`, `\`, "=,;=", "wait=9223372036854775808"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got := ParsePreferences(http.Header{"Prefer": {field}})
		if got.Wait < 0 || got.Wait > maxWait || got.Wait%time.Second != 0 || !got.HasWait && got.Wait != 0 {
			t.Errorf("%q: %+v", field, got)
		}
		// What is in another field before or behind it and is not known changes nothing.
		if again := ParsePreferences(http.Header{"Prefer": {"unknown", field, "unknown=1"}}); again != got {
			t.Errorf("%q: %+v beside others, %+v alone", field, again, got)
		}
		// What is said to be applied is a preference again, with the same meaning.
		header := make(http.Header)
		got.SetApplied(header, true)
		if again := ParsePreferences(http.Header{"Prefer": header.Values("Preference-Applied")}); again != got {
			t.Errorf("%q: %+v was said to be %v", field, got, header)
		}
	})
}

func TestParseIdempotencyKey(t *testing.T) {
	for field, want := range map[string]string{
		"8e03978e-40d5-43e8-bc93-6894a57f9324":   "8e03978e-40d5-43e8-bc93-6894a57f9324",
		`"8e03978e-40d5-43e8-bc93-6894a57f9324"`: "8e03978e-40d5-43e8-bc93-6894a57f9324",
		" a ":                                    "a",
		`"a\"b\\"`:                               `a"b\`,
		`a"b`:                                    `a"b`,
		strings.Repeat("k", 255):                 strings.Repeat("k", 255),
		`"` + strings.Repeat("k", 255) + `"`:     strings.Repeat("k", 255),
	} {
		if got, err := ParseIdempotencyKey(http.Header{"Idempotency-Key": {field}}); err != nil || got != want {
			t.Errorf("%q: got %q, %v", field, got, err)
		}
	}
	if got, err := ParseIdempotencyKey(http.Header{}); got != "" || err != nil {
		t.Errorf("no key: %q, %v", got, err)
	}
	for _, fields := range [][]string{
		{""}, {" "}, {`""`}, {strings.Repeat("k", 256)}, {"a b"}, {`"a b"`}, {"a\x7f"}, {"a\x00"}, {"é"}, {`"a`}, {`"a"b`}, {`"a\"`}, {"a", "a"},
	} {
		if got, err := ParseIdempotencyKey(http.Header{"Idempotency-Key": fields}); err == nil {
			t.Errorf("%q is accepted as %q", fields, got)
		}
	}
}

func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"abc", `"abc"`, `"a\"b"`, `"`, `"\`, "", "a b", strings.Repeat("k", 256)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		key, err := ParseIdempotencyKey(http.Header{"Idempotency-Key": {field}})
		if err != nil {
			return
		}
		if len(key) < 1 || len(key) > 255 || strings.Trim(key, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			t.Errorf("%q gives the key %q", field, key)
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if again, err := ParseIdempotencyKey(http.Header{"Idempotency-Key": {quoted}}); err != nil || again != key {
			t.Errorf("%q quoted is %q, %v", key, again, err)
		}
	})
}

func TestAccept(t *testing.T) {
	for field, want := range map[string]struct{ json, events bool }{
		"application/json":                        {true, false},
		"*/*":                                     {true, false},
		"application/*":                           {true, false},
		"text/event-stream":                       {false, true},
		"text/*":                                  {false, true},
		"text/event-stream, application/json":     {true, false},
		"text/event-stream, */*":                  {true, true},
		"text/event-stream;q=0.5, */*":            {true, false},
		"application/json;q=0.5, text/*":          {true, true},
		"application/json;q=0, */*":               {false, true},
		"application/json;q=0, */*;q=0":           {false, false},
		"text/html":                               {false, false},
		"image/png, application/json;q=0.001":     {true, false},
		`text/html;x="a,b", application/json`:     {true, false},
		"not a media range":                       {true, false},
		"application/json;q=2":                    {true, false},
		"application/json;q=NaN, text/html":       {true, false},
		" ,, application/json ,":                  {true, false},
		"APPLICATION/JSON":                        {true, false},
		"text/event-stream;q=0, application/json": {true, false},
	} {
		header := http.Header{"Accept": {field}}
		if got := AcceptsJSON(header); got != want.json {
			t.Errorf("%q: JSON %v", field, got)
		}
		if got := PrefersEvents(header); got != want.events {
			t.Errorf("%q: events %v", field, got)
		}
	}
	if !AcceptsJSON(http.Header{}) || PrefersEvents(http.Header{}) {
		t.Error("no Accept header means JSON")
	}
}

func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"application/json", "text/event-stream;q=0.5, */*;q=0.1", `a/b;c="d,e"`, "*/*;q=", ",;,", "text/*;q=1e400"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		header := http.Header{"Accept": {field}}
		for _, mediaType := range []string{JSONType, EventStreamType} {
			if got := Weigh(header, mediaType); !(got.Quality >= 0 && got.Quality <= 1) || got.Specificity < -1 || got.Specificity > 2 {
				t.Errorf("%q: %s has the weight %+v", field, mediaType, got)
			}
		}
		if PrefersEvents(header) && Weigh(header, EventStreamType).Quality == 0 {
			t.Errorf("%q: an event stream is preferred and not accepted", field)
		}
	})
}
