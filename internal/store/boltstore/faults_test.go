//go:build faults

package boltstore_test

import (
	"math/rand/v2"
	"testing"
)

func TestFaultsFlippedBitsAndCuts(t *testing.T) { trials(t, 200, 60, rand.Uint64()) }
