//go:build faults

package pgstore_test

import "testing"

func TestFaultsClusterKilledServersLoseNothing(t *testing.T) { killServers(t, 1000, 3) }
