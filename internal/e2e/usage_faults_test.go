//go:build faults

package e2e

import "testing"

func TestFaultsUsageAcrossReloadsAndKills(t *testing.T) { usageUnderFaults(t, 1_000_000, 200, 5) }
