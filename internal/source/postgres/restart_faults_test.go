//go:build faults

package postgres_test

import (
	"testing"
	"time"
)

func TestFaultsRestartUnderLoad(t *testing.T) { restarts(t, 20) }

func TestFaultsPasswordRotationUnderLoad(t *testing.T) { rotations(t, 10) }

func TestFaultsFailoverUnderLoad(t *testing.T) {
	for i := range 5 {
		failsOver(t, time.Duration(i)*1200*time.Millisecond) // up to twice the longest pause between two attempts to connect
	}
}

func TestFaultsCertificateChangeUnderLoad(t *testing.T) { changeCertificates(t, 10) }
