package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

const (
	maxResponse  = 64 << 10 // bytes of a receiver's answer, and of its header, that are read
	maxErrorText = 300      // bytes of an error that the log keeps
	settleTries  = 5
)

// errNotTried marks a failure of our own side: it does not count as a try.
var errNotTried = errors.New("not tried")

// errRefused marks what no further try can change.
var errRefused = errors.New("given up")

// try carries out one attempt, and returns the delivery as it is to be stored.
func (d *Dispatcher) try(ctx context.Context, delivery Delivery, current attached) Delivery {
	begun := d.options.Now()
	status, wait, err := d.post(ctx, delivery, current, begun)
	now, due := d.options.Now(), d.steady()
	if err != nil && ctx.Err() != nil {
		if err = context.Cause(ctx); !errors.Is(err, errRefused) {
			return postpone(delivery, due) // the dispatcher stops
		}
	}
	if errors.Is(err, errHostBusy) {
		return postpone(delivery, due.Add(hostBusy(delivery.Forgiven)))
	}
	log := d.log.With("job", delivery.JobID.String(), "user", delivery.Company+"/"+delivery.User, "attempt", delivery.Attempt)
	if errors.Is(err, errNotTried) {
		log.Error("a callback could not be made", "error", err)
		return postpone(delivery, due.Add(5*time.Second))
	}
	delivery.Log = append(delivery.Log, Try{At: begun.UTC(), Took: now.Sub(begun), Status: status, Error: errorText(err), Reason: reasonOf(err)})
	delivery.Log = delivery.Log[max(0, len(delivery.Log)-maxLog):]
	if err == nil {
		return ended(delivery, Delivered, now)
	}
	if errors.Is(err, errRefused) || delivery.Tries() >= len(d.options.Schedule) {
		log.Warn("a callback was given up: it is a dead letter now", "status", status, "error", err)
		return ended(delivery, Dead, now)
	}
	log.Info("a callback failed and will be tried again", "status", status, "error", err)
	delay := max(jitter(d.options.Schedule[delivery.Tries()]), wait)
	delivery.NextAttempt = due.Add(delay)
	return delivery
}

func ended(delivery Delivery, state State, now time.Time) Delivery {
	delivery.State, delivery.EndedAt, delivery.NextAttempt = state, now, time.Time{}
	return delivery
}

// postpone makes a delivery due at this time, without counting the attempt.
func postpone(delivery Delivery, at time.Time) Delivery {
	delivery.Forgiven++
	delivery.NextAttempt = at
	return delivery
}

// hostBusy is how long a delivery waits whose address has as many tries as it may. It doubles, so that a long queue before
// a slow host costs little, and varies, so that the queue spreads.
func hostBusy(before int) time.Duration {
	delay := min(250*time.Millisecond<<min(before, 10), time.Minute)
	return delay/2 + rand.N(delay) //nolint:gosec // nothing depends on it being unpredictable
}

// errorText is what the delivery log keeps of an error.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return dataapi.Shorten(err.Error(), maxErrorText)
}

// post sends the job's document once. It returns the answer's status and how long the receiver wants to be left alone.
func (d *Dispatcher) post(
	ctx context.Context, delivery Delivery, current attached, now time.Time,
) (status int, wait time.Duration, err error) {
	defer claim.Recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	if current.config.Authorize != nil {
		if err := current.config.Authorize(ctx, delivery); err != nil {
			return 0, 0, notAuthorized(err)
		}
	}
	// The hosts that are allowed may have changed since the job was accepted.
	if _, err := current.hosts.check(delivery.URL); err != nil {
		return 0, 0, because(URLNotAllowed, err)
	}
	announced, err := d.announced(ctx, delivery.JobID)
	if err != nil {
		return 0, 0, err
	}
	request, err := d.request(ctx, delivery, announced, current.config, now)
	if err != nil {
		return 0, 0, err
	}
	span := d.trace(ctx, request, announced, delivery.Attempt)
	defer func() { span.EndCallback(status, errors.Is(err, context.DeadlineExceeded)) }()
	response, err := current.client.Do(request)
	if err != nil {
		if failure, ok := errors.AsType[*url.Error](err); ok {
			err = failure.Err // without the URL, which may hold a receiver's token
		}
		return 0, 0, because(networkReason(err), err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxResponse) // the status has said all
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return response.StatusCode, 0, nil
	case response.StatusCode == http.StatusGone:
		return response.StatusCode, 0, because(AnsweredGone, fmt.Errorf("%w: the receiver answered 410 Gone", errRefused))
	case response.StatusCode >= 300 && response.StatusCode < 400:
		err = because(AnsweredRedirect, fmt.Errorf("the receiver answered %d: redirects are not followed", response.StatusCode))
	default:
		err = because(AnsweredError, fmt.Errorf("the receiver answered %d", response.StatusCode))
	}
	return response.StatusCode, retryAfter(response.Header, now), err
}

// trace begins the span of a try, and tells the receiver of it.
func (d *Dispatcher) trace(ctx context.Context, request *http.Request, announced job.Job, attempt int) tracing.Span {
	return d.options.Traces.BeginCallback(ctx, tracing.CallbackTry{
		Endpoint: announced.Address.String(), Company: announced.Company, JobID: announced.ID.String(), Attempt: attempt,
		Traceparent: announced.LastTraceparent(), Host: request.URL.Hostname(), Port: request.URL.Port(),
	}, request.Header)
}

// request makes the signed request.
func (d *Dispatcher) request(
	ctx context.Context, delivery Delivery, announced job.Job, config Config, now time.Time,
) (*http.Request, error) {
	body, err := d.body(ctx, announced, config)
	if err != nil {
		return nil, err
	}
	keys, err := d.store.SigningKeys(ctx, delivery.Company, delivery.User, now, newKey)
	if err != nil {
		return nil, fmt.Errorf("%w: signing keys: %w", errNotTried, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, delivery.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "data-api-callback")
	return request, sign(request.Header, keys, delivery.MessageID(), now, body)
}

// announced returns the job whose end is announced.
func (d *Dispatcher) announced(ctx context.Context, id job.ID) (job.Job, error) {
	j, err := d.jobs.Get(ctx, id)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return job.Job{}, because(JobNotKept, fmt.Errorf("%w: the job is not stored any more", errRefused))
	case err != nil:
		return job.Job{}, fmt.Errorf("%w: read the job: %w", errNotTried, err)
	}
	return j, nil
}

// body is the job's document, in memory, which MaxResult bounds.
func (d *Dispatcher) body(ctx context.Context, j job.Job, config Config) ([]byte, error) {
	var result io.Reader
	if j.Status == job.Completed && j.Result.Size <= config.MaxResult {
		reader, err := job.OpenResult(ctx, d.jobs, j)
		if err != nil {
			return nil, unread(err)
		}
		defer reader.Close()
		result = reader
	}
	about := job.About{Endpoint: j.Address.Path(), PollingURL: j.PollingPath}
	if config.Redacted != nil {
		about.Parameters = config.Redacted(j)
	}
	var body bytes.Buffer
	if err := job.WriteDescribed(&body, j, result, nil, about); err != nil {
		return nil, unread(err)
	}
	return body.Bytes(), nil
}

// unread says why a result could not be read. A store that is away is not the receiver's fault, and uses up none of its tries.
func unread(err error) error {
	if errors.Is(err, job.ErrDamaged) {
		return because(ResultDamaged, fmt.Errorf("read the result: %w", err))
	}
	return fmt.Errorf("%w: read the result: %w", errNotTried, err)
}

// storeOutcome stores what came of an attempt. When that fails for good the delivery is due again when its claim ends: the
// receiver may then get it twice, with the same webhook-id.
func (d *Dispatcher) storeOutcome(ctx context.Context, delivery Delivery) {
	for n, delay := 0, 50*time.Millisecond; ; n, delay = n+1, 2*delay {
		// What was delivered is worth storing, even while the dispatcher stops.
		writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.options.Timeout)
		err := d.store.SettleDelivery(writing, delivery)
		cancel()
		if err == nil || errors.Is(err, ErrLost) || errors.Is(err, ErrNotFound) {
			return
		}
		d.log.Error("the outcome of a callback could not be stored", "job", delivery.JobID.String(), "error", err)
		if n == settleTries {
			return
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
	}
}
