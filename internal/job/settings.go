package job

import (
	"errors"
	"fmt"
	"time"
)

// The defaults of a configuration, and the limits of what it may set.
const (
	DefaultWorkers   = 4
	DefaultQuota     = 10 << 30
	DefaultRetention = 24 * time.Hour

	maxWorkers    = 1024
	maxPerCompany = 64 * maxWorkers // several servers may share the store
	minQuota      = 1 << 20
	minRetention  = time.Minute
	maxRetention  = 10 * 365 * 24 * time.Hour
)

// Settings are the numbers of a configuration. Zero values mean the defaults.
type Settings struct {
	Workers    int           // jobs that run at the same time, in all, and that run or wait on one source; default 4
	PerCompany int           // jobs of one company, on all servers that share the store; default: any number
	PerSource  int           // of them, jobs on one source; default: any number
	Retention  time.Duration // how long a job can be read after its end; default 24 h
	MaxWaiting int           // jobs of one company that wait for a worker; default 10,000
	Quota      int64         // bytes of jobs and results that are kept for one company when it asks for a job; default: any number
}

func (s *Settings) setDefaults() {
	if s.Workers <= 0 {
		s.Workers = DefaultWorkers
	}
	if s.Retention <= 0 {
		s.Retention = DefaultRetention
	}
	if s.MaxWaiting <= 0 {
		s.MaxWaiting = 10_000
	}
}

// Validate reports everything that is wrong with the settings of a configuration; those that are left out are right.
func (s *Settings) Validate() error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("jobs."+format, args...))
		}
	}
	fault(s.Workers < 0 || s.Workers > maxWorkers, "workers is %d: it must lie between 1 and %d", s.Workers, maxWorkers)
	fault(s.PerCompany < 0 || s.PerCompany > maxPerCompany, "per_company is %d: it must lie between 1 and %d", s.PerCompany, maxPerCompany)
	fault(s.Quota != 0 && s.Quota < minQuota, "quota is %d bytes: it must be at least %d", s.Quota, int64(minQuota))
	fault(s.Retention != 0 && (s.Retention < minRetention || s.Retention > maxRetention),
		"retention is %s: it must lie between %s and %s", s.Retention, minRetention, maxRetention)
	return errors.Join(faults...)
}
