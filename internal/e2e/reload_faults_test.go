//go:build faults

package e2e

import "testing"

func TestFaultsReloadsUnderLoad(t *testing.T) {
	const reloads = 200
	for name, rejectEvery := range map[string]int{"accepted": 0, "every third is rejected first": 3} {
		t.Run(name, func(t *testing.T) { reloadUnderLoad(t, reloads, rejectEvery) })
	}
}
