package boltstore

import (
	"slices"
	"testing"
)

// TestEveryBucketIsMoved: what does not follow from other records is lost by a move that leaves it out.
func TestEveryBucketIsMoved(t *testing.T) {
	t.Parallel()
	joined := []string{"api_keys_used"} // moved with api_keys
	var moved []string
	for _, what := range movedBuckets {
		moved = append(moved, string(what.bucket))
	}
	for _, bucket := range layout.Buckets() {
		if name := string(bucket); !layout.Follows(bucket) && !slices.Contains(moved, name) && !slices.Contains(joined, name) {
			t.Errorf("%s is left behind", name)
		}
	}
}
