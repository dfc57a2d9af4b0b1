package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// Jobs configures asynchronous execution.
type Jobs struct {
	// How many jobs run at once. The default is 4, the most is 1024. A job that waits for a connection of its source
	// does not count; as many jobs of one source as this run and wait at most.
	Workers int `json:"workers,omitempty"`

	// How many jobs of one company run at once. Servers that share a store count together: it may be more than the workers
	// of one. The default is one less than workers, and at least 1: so a worker is left for the others.
	PerCompany int `json:"per_company,omitempty"`

	// How many callers of one company may wait for jobs at once, in long polls, event streams, and calls that
	// wait for their result. Further ones are answered at once: with 202 where they can poll, else with 503. The
	// default is 1000.
	WaitingCallers int `json:"waiting_callers,omitempty"`

	// How many bytes of jobs and results are kept for one company: 2 KiB and the parameters of each job, and its result
	// as JSON. Beyond it no job of the company is accepted until earlier ones have expired; jobs that were accepted before
	// end nevertheless. The default is 10 GiB, the least 1 MiB.
	Quota int64 `json:"quota,omitempty"`

	// How long a job and its result can be read after its end. The default is 24h; the least is 1m.
	Retention caddy.Duration `json:"retention,omitempty"`
}

const (
	defaultWaitingCallers = 1000
	maxWaitingCallers     = 1_000_000
)

func (j *Jobs) setDefaults() {
	setDefault(&j.Workers, job.DefaultWorkers)
	setDefault(&j.PerCompany, max(1, j.Workers-1))
	setDefault(&j.WaitingCallers, defaultWaitingCallers)
	setDefault(&j.Quota, job.DefaultQuota)
	setDefault(&j.Retention, caddy.Duration(job.DefaultRetention))
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (j *Jobs) Validate() error {
	settings := j.Settings()
	var waiting error
	if j.WaitingCallers < 0 || j.WaitingCallers > maxWaitingCallers {
		waiting = fmt.Errorf("jobs.waiting_callers is %d: it must lie between 1 and %d", j.WaitingCallers, maxWaitingCallers)
	}
	return errors.Join(settings.Validate(), waiting)
}

// Settings are those of the job engine.
func (j *Jobs) Settings() job.Settings {
	return job.Settings{Workers: j.Workers, PerCompany: j.PerCompany, Quota: j.Quota, Retention: time.Duration(j.Retention)}
}
