package result

import (
	"fmt"
	"testing"
	"time"
)

// TestEveryDay compares each day of the years that are written with four digits, and those around them, with package time.
func TestEveryDay(t *testing.T) {
	day := time.Date(0, time.December, 30, 0, 0, 0, 0, time.UTC)
	var got []byte
	want := make([]byte, 0, 32)
	for ; day.Year() < 10_000; day = day.AddDate(0, 0, 1) {
		days := day.Unix() / secondsPerDay
		got = appendDate(got[:0], days)
		if day.Year() > 0 {
			want = day.AppendFormat(want[:0], time.DateOnly)
		} else {
			want = fmt.Appendf(want[:0], "0001-%02d-%02d BC", day.Month(), day.Day())
		}
		if string(got) != string(want) {
			t.Fatalf("day %d is %s, want %s", days, got, want)
		}
	}
	if got := string(appendDate(nil, lastDay+1)); got != "10000-01-01" {
		t.Errorf("the day after the last of four digits is %s", got)
	}
}

// TestFractionsOfASecond compares every length of a fraction with package time, which cuts trailing zeros as well.
func TestFractionsOfASecond(t *testing.T) {
	for micros := int64(1); micros < microsPerDay; micros = micros*7/3 + 1 {
		for _, value := range []int64{micros, -micros, micros / 1000 * 1000, micros - micros%microsPerSecond} {
			want := time.UnixMicro(value).UTC().Format("2006-01-02T15:04:05.999999")
			if got := string(appendTimestamp(nil, value, "")); got != want {
				t.Errorf("%d is %s, want %s", value, got, want)
			}
		}
	}
}

// TestEveryByteAtEveryPlace compares the escaping, which looks at eight bytes at once, with the table that it follows.
func TestEveryByteAtEveryPlace(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				for _, next := range []byte{'a', '"', 0x80, 0xFF, 0x00} { // a borrow must not reach the neighbour
					text := make([]byte, length)
					for i := range text {
						text[i] = 'a'
					}
					text[at] = byte(c)
					if at+1 < length {
						text[at+1] = next
					}
					var want []byte
					for _, c := range text {
						switch escape := escapes[c]; escape {
						case 0:
							want = append(want, c)
						case 'u':
							want = fmt.Appendf(want, `\u%04x`, c)
						default:
							want = append(want, '\\', escape)
						}
					}
					if got := appendEscaped(nil, text); string(got) != string(want) {
						t.Fatalf("%q becomes %s, want %s", text, got, want)
					}
				}
			}
		}
	}
}
