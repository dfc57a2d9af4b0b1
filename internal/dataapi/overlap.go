package dataapi

import "time"

// How long what is rotated, an API key or a callback secret, works beside its successor.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 30 * 24 * time.Hour
)

// CheckOverlap refuses an overlap that is below zero or above [MaxOverlap].
func CheckOverlap(overlap time.Duration) error {
	if overlap < 0 || overlap > MaxOverlap {
		return Errorf(CodeInvalidRequest, "The overlap is %s; allowed is 0s to %s.", overlap, MaxOverlap)
	}
	return nil
}
