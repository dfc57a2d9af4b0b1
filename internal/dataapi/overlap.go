package dataapi

import "time"

// How long what is rotated, an API key or a callback secret, works beside its successor.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 30 * 24 * time.Hour
)

// ParseOverlap reads an overlap; none is [DefaultOverlap]. How long it may be is for [CheckOverlap] to say.
func ParseOverlap(text string) (time.Duration, error) {
	if text == "" {
		return DefaultOverlap, nil
	}
	overlap, err := time.ParseDuration(text)
	if err != nil {
		return 0, Errorf(CodeInvalidRequest, "overlap is %q: it must be a duration such as 24h.", text)
	}
	return overlap, nil
}

// CheckOverlap refuses an overlap that is below zero or above [MaxOverlap].
func CheckOverlap(overlap time.Duration) error {
	if overlap < 0 || overlap > MaxOverlap {
		return Errorf(CodeInvalidRequest, "The overlap is %s; allowed is 0s to %s.", overlap, MaxOverlap)
	}
	return nil
}
