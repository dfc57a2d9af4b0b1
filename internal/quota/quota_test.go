package quota_test

import (
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/quota"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]quota.Limit{
		"100000 calls/1d":       {Count: 100_000, Unit: quota.Calls, Window: quota.Day},
		"1 rows/1mo":            {Count: 1, Unit: quota.Rows, Window: quota.Month},
		"1000000000000 rows/1h": {Count: 1_000_000_000_000, Unit: quota.Rows, Window: quota.Hour},
		"00012   calls/1h":      {Count: 12, Unit: quota.Calls, Window: quota.Hour},
	} {
		got, err := quota.Parse(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if again, err := quota.Parse(got.String()); err != nil || again != want {
			t.Errorf("%q written as %q reads as %v, %v", text, got, again, err)
		}
	}
	for text, complaint := range map[string]string{
		"0 calls/1d":                "count of 0: it must lie between 1 and 1000000000000",
		"1000000000001 calls/1d":    "count of 1000000000001",
		"9999999999999999 calls/1d": "must be written",
		"":                          "must be written",
		"100 calls":                 "must be written",
		"100 calls/2d":              "must be written",
		"-5 calls/1d":               "must be written",
		"unlimited":                 "must be written",
		"100/d":                     "did you mean 100 calls/1d?",
		"1_000 requests per day":    "did you mean 1000 calls/1d?",
		"100k rows/month":           "did you mean 100000 rows/1mo?",
		"5 Calls / hour":            "did you mean 5 calls/1h?",
		"10 records/1mo":            "did you mean 10 rows/1mo?",
	} {
		if _, err := quota.Parse(text); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%q: %v; want %q in it", text, err, complaint)
		}
	}
}

// TestBounds walks through the windows of two years, leap day and new year included, from somewhere east of Greenwich.
func TestBounds(t *testing.T) {
	east := time.FixedZone("AEST", 10*3600)
	for _, window := range quota.Windows {
		at := time.Date(2023, 12, 30, 23, 59, 59, 999_999_999, time.UTC)
		_, end := window.Bounds(at)
		for end.Year() < 2025 {
			begin, next := window.Bounds(end.In(east))
			if !begin.Equal(end) || !next.After(begin) || begin.Location() != time.UTC {
				t.Fatalf("%s: the window at %v is %v to %v", window, end, begin, next)
			}
			for _, inside := range []time.Time{begin, begin.Add(next.Sub(begin) / 2), next.Add(-1)} {
				if b, e := window.Bounds(inside); !b.Equal(begin) || !e.Equal(next) {
					t.Fatalf("%s: %v lies in %v to %v, want %v to %v", window, inside, b, e, begin, next)
				}
			}
			end = next
		}
	}
	if begin, end := quota.Month.Bounds(time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)); end.Sub(begin) != 29*24*time.Hour {
		t.Errorf("February 2024 is %v to %v", begin, end)
	}
}
