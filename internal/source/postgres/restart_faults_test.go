//go:build faults

package postgres_test

import "testing"

func TestFaultsRestartUnderLoad(t *testing.T) { restarts(t, 20) }

func TestFaultsPasswordRotationUnderLoad(t *testing.T) { rotations(t, 10) }
