package main

import "testing"

// The ranks are those of tables for the sign test.
func TestIntervalOfTheMedian(t *testing.T) {
	for _, tc := range []struct {
		count     int
		low, high float64
	}{{1, 1, 1}, {5, 1, 5}, {6, 1, 6}, {9, 2, 8}, {20, 6, 15}, {60, 22, 39}} {
		values := make([]float64, tc.count)
		for i := range values {
			values[i] = float64(tc.count - i)
		}
		if low, high := interval(values); low != tc.low || high != tc.high {
			t.Errorf("of %d values the median lies between the %v. and the %v., want %v and %v", tc.count, low, high, tc.low, tc.high)
		}
	}
}
