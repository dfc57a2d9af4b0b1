package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pass is the guide, once from the beginning to the end.
type pass struct {
	screen   *screen
	cli      cli
	receiver *receiver
	servedBy map[string]bool // the servers that have answered

	credentials credentials
	token       string
	job         jobDocument
}

// jobDocument is what the demo reads of a job.
type jobDocument struct {
	JobID      string          `json:"job_id"`
	Status     string          `json:"status"`
	PollingURL string          `json:"polling_url"`
	Result     json.RawMessage `json:"result"`
}

const (
	stepTimeout = 20 * time.Second
	jobTimeout  = 2 * time.Minute // as long as the endpoint may take
	pollEvery   = 500 * time.Millisecond
)

// run walks the steps in order and stops at the first that fails, or when a server ends.
func (p *pass) run(ctx context.Context, servers []*server) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, server := range servers {
		go func() {
			select {
			case <-server.ended:
				cancel(server.failure(server.name + " ended on its own"))
			case <-ctx.Done():
			}
		}()
	}
	steps := []struct {
		title   string
		timeout time.Duration
		do      func(context.Context) error
	}{
		{"Make an API key, with the server's own command", stepTimeout, p.makeKey},
		{"Exchange the key for a token", stepTimeout, p.exchange},
		{"Run an endpoint and get its result (sync)", stepTimeout, p.sync},
		{"Start a longer report as a job, and poll it (async)", jobTimeout, p.async},
		{"Receive the signed callback", stepTimeout, p.callback},
		{"See where endpoints come from: files, and the console", stepTimeout, p.origins},
	}
	for i, step := range steps {
		p.screen.step(i+1, step.title)
		stepCtx, done := context.WithTimeoutCause(ctx, step.timeout, fmt.Errorf("it took longer than %s", step.timeout))
		err := step.do(stepCtx)
		if cause := context.Cause(stepCtx); err != nil && cause != nil {
			err = cause // why, rather than what was cut short by it
		}
		done()
		if err != nil {
			return fmt.Errorf("step %d, %q, failed: %w", i+1, step.title, err)
		}
	}
	p.screen.line("")
	p.screen.done(fmt.Sprintf("All %d steps done.", len(steps)))
	if len(p.servedBy) > 0 {
		p.screen.done(fmt.Sprintf("They were answered by %s: one key, one token, one queue of jobs on all of them.",
			strings.Join(slices.Sorted(maps.Keys(p.servedBy)), ", ")))
	}
	return nil
}

func (p *pass) makeKey(ctx context.Context) error {
	key, line, output, err := p.cli.createKey(ctx, user)
	if err != nil {
		return err
	}
	p.credentials = key
	p.screen.command(line)
	p.screen.json(output)

	secret, line, output, err := p.cli.callbackSecret(ctx)
	if err != nil {
		return err
	}
	p.screen.command(line)
	p.screen.json(output)
	return p.receiver.trust(secret)
}

func (p *pass) exchange(ctx context.Context) error {
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := p.ask(ctx, tokenCall(p.credentials), http.StatusOK, &tokens); err != nil {
		return err
	}
	if tokens.Access == "" {
		return errors.New("the answer holds no access_token")
	}
	p.token = tokens.Access
	p.screen.command(fmt.Sprintf("export TOKEN=%q", p.token))
	return nil
}

func (p *pass) sync(ctx context.Context) error {
	const want = "150000.00" // to the digit: money is never a binary fraction on its way
	var result struct {
		Rows []struct {
			Region string          `json:"regiao"`
			Total  json.RawMessage `json:"total"`
		} `json:"rows"`
	}
	if err := p.ask(ctx, syncCall(p.token), http.StatusOK, &result); err != nil {
		return err
	}
	if len(result.Rows) != 1 || result.Rows[0].Region != "Sul" || string(result.Rows[0].Total) != want {
		return fmt.Errorf("the answer is not one row for Sul with the total %s", want)
	}
	return nil
}

func (p *pass) async(ctx context.Context) error {
	began := time.Now()
	if err := p.ask(ctx, asyncCall(p.token), http.StatusAccepted, &p.job); err != nil {
		return err
	}
	if p.job.JobID == "" || p.job.PollingURL == "" {
		return errors.New("the answer holds no job_id and polling_url")
	}
	poll := pollCall(p.token, p.job.PollingURL)
	p.screen.command(poll.curl(baseURL))
	p.screen.line("")
	for {
		answer, err := poll.send(ctx)
		if err != nil {
			return err
		}
		var document jobDocument
		if err := decode(answer, http.StatusOK, &document); err != nil {
			return err
		}
		p.note(answer)
		p.screen.progress(time.Since(began), document.Status, serverOf(answer.header.Get("X-Served-By")))
		switch document.Status {
		case "completed":
			p.screen.answer(answer)
			if len(document.Result) == 0 || string(document.Result) == "null" {
				return errors.New("the job is completed without a result")
			}
			return nil
		case "processing":
		default:
			p.screen.answer(answer)
			return fmt.Errorf("the job is %s", document.Status)
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// callback waits for the callback of this pass's job. Others may come first: those of an earlier demo that was stopped
// before it could receive them.
func (p *pass) callback(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no callback for job %s has arrived: %w", p.job.JobID, context.Cause(ctx))
		case arrived := <-p.receiver.deliveries:
			if !bytes.Contains(arrived.body, []byte(p.job.JobID)) {
				continue
			}
			p.screen.callback(arrived)
			return arrived.err
		}
	}
}

// ask shows a call, performs it, shows the answer, and reads it into target.
func (p *pass) ask(ctx context.Context, c call, status int, target any) error {
	p.screen.command(c.curl(baseURL))
	answer, err := c.send(ctx)
	if err != nil {
		return err
	}
	p.note(answer)
	p.screen.answer(answer)
	return decode(answer, status, target)
}

// note remembers which server has answered.
func (p *pass) note(a answer) {
	if name := serverOf(a.header.Get("X-Served-By")); name != "" {
		if p.servedBy == nil {
			p.servedBy = make(map[string]bool)
		}
		p.servedBy[name] = true
	}
}

func decode(a answer, status int, target any) error {
	if a.status != status {
		return fmt.Errorf("the answer is %d %s, not %d: %s", a.status, http.StatusText(a.status), status, a.body)
	}
	if err := json.Unmarshal(a.body, target); err != nil {
		return fmt.Errorf("the answer is not the JSON that it should be: %w", err)
	}
	return nil
}
