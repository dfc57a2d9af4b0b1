package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// executions runs endpoints.
type executions struct {
	*access
	*recorder
	*waits
	*gathering
	links    *linkCallers
	observer observe.Observer
	cache    *cache.Cache
	rates    *ratelimit.Table
	traces   *tracing.Provider
	quotas   *usage.Quotas
	checkURL func(url string) error // of callbacks
}

// readGrace is how much longer than a query may run its reader may take for what has been read of it.
const readGrace = time.Second

// steps are the way of a request, top to bottom. The first one that fails ends it.
//
// The body comes first, because sending it takes time: what the caller may do is looked at when it has arrived. An
// endpoint that the caller may not know of is indistinguishable from one that does not exist, and the permission is
// looked at before the endpoint is.
var steps = [...]func(*executions, *exchange) error{
	(*executions).decode,        //  1. read what is asked for, and in which form
	(*executions).authenticate,  //  2. look again who asks
	(*executions).authorize,     //  3. may the caller execute what it names?
	(*executions).find,          //  4. find the endpoint
	(*executions).limit,         //  5. count the call against the endpoint's rate and the caller's quotas
	(*executions).choose,        //  6. choose the revision, and whether the call is a job
	(*executions).bind,          //  7. bind the parameters
	(*executions).checkCallback, //  8. may the end of the job be announced there?
	(*executions).useLink,       //  9. count the use of a presigned link
	(*executions).answer,        // 10. run and encode, or accept a job
} // 11. record what has become of it, wherever the way has ended

// execute takes a request through the steps.
func (e *executions) execute(w http.ResponseWriter, r *http.Request) error {
	x := &exchange{w: w, r: r, begun: time.Now()}
	x.timeAnswer()
	defer x.endQuotas()
	for _, step := range steps {
		if x.failure = step(e, x); x.failure != nil {
			break
		}
	}
	if x.failure != nil {
		x.timing.refused()
	}
	e.recordCall(x)
	return x.failure
}

// exchange is a request on its way: what the steps have found out so far.
type exchange struct {
	w http.ResponseWriter
	r *http.Request

	values          fields.Values // of the answer's header
	query           fields.Query
	body            executeRequest      // of a POST
	texts           map[string][]string // the parameters of a GET, by name; nil: it is a POST
	form            form
	caller          identity.Principal
	link            link.Link // by which the caller calls; zero: by none
	namespace, slug string
	plan            *execution.Plan
	called          execution.Call
	mode            executionMode
	place           usage.Place // under the caller's quotas
	charged         bool        // the call was counted under them
	bound           *execution.Bound
	invalid         error // of the parameters
	callback        string
	begun           time.Time
	timing          *serverTiming
	streams         bool // the answer is made while the query runs
	streamed        resultAnswer
	ran             bool // the answer was begun with, or the job with its acceptance
	accepted        *job.Job
	cacheStatus     observe.CacheStatus
	summary         result.Summary
	failure         error        // that has ended the way
	record          observe.Call // of what has become of it
}

// executeRequest is the body of POST .../execute.
type executeRequest struct {
	ParameterValues jsontext.Value `json:"parameter_values"`
	CallbackURL     *string        `json:"callback_url"`
}

// UnknownFieldHint tells those who have sent a parameter as a field.
func (*executeRequest) UnknownFieldHint() string {
	return "the endpoint's parameters belong inside parameter_values"
}

// executeQueries are the parameters that the query of a URL may have.
var executeQueries = append(formats.Queries(), revisionQuery, fields.LinkQuery)

// ReservedQueries are the names in the query of a GET of an endpoint that are not parameters of it.
func ReservedQueries() []string { return slices.Clone(executeQueries) }

func (*executions) decode(x *exchange) (err error) {
	if x.r.Method == http.MethodPost {
		x.query, err = fields.ParseQuery(x.r, executeQueries...)
	} else {
		x.query, x.texts, err = fields.ParseParameters(x.r, executeQueries...)
	}
	if err != nil {
		return err
	}
	if _, linked := x.query[fields.LinkQuery]; linked && respond.CallerOf(x.r).Link == "" {
		return errLinkBeside
	}
	if x.form, err = formOf(x.w, x.r, x.query); err != nil {
		return err
	}
	if x.texts != nil {
		return refuseBody(x.r)
	}
	return respond.DecodeBody(x.r, &x.body, true)
}

func (e *executions) authenticate(x *exchange) (err error) {
	if respond.CallerOf(x.r).Link != "" { // again, and as the route has understood the request
		x.caller, x.link, err = e.links.open(x.r.Context(), x.r)
		return err
	}
	x.caller, err = e.authenticator.Renew(respond.CallerOf(x.r))
	return err
}

func (*executions) authorize(x *exchange) (err error) {
	if x.caller.Link != "" {
		if _, _, err := authorizePath(x.r, x.caller, dataapi.ActionMakeLink); err != nil {
			return err
		}
	}
	x.namespace, x.slug, err = authorizePath(x.r, x.caller, dataapi.ActionExecute)
	return err
}

func (e *executions) find(x *exchange) (err error) {
	x.plan = e.plan()
	if x.called, err = x.plan.Find(x.caller.Company.Slug, x.namespace, x.slug); err != nil {
		return err
	}
	respond.AnswerOf(x.w).About(x.called.Endpoint.Address)
	announceRetirement(x.w.Header(), x.called.Endpoint)
	return nil
}

func (e *executions) limit(x *exchange) error {
	if err := limitEndpoint(x.w, e.rates, x.caller, x.called.Endpoint); err != nil {
		e.Meter.Throttled(observe.EndpointLimit)
		return err
	}
	if err := e.limitByQuotas(x); err != nil {
		e.Meter.Throttled(observe.QuotaLimit)
		return err
	}
	return nil
}

func (*executions) choose(x *exchange) (err error) {
	if revision, asked := x.query[revisionQuery]; asked {
		if x.called, err = x.plan.FindRevision(x.caller, x.namespace, x.slug, revision); err != nil {
			return err
		}
	}
	x.values.Set(x.w.Header(), revisionField, x.called.Endpoint.Revision)
	if x.caller.Link == "" { // the holder of a link could not ask for a job again
		x.mode, err = executionModeOf(x.r, x.called.Endpoint)
	}
	if err == nil && x.texts != nil {
		err = onlyWhenPreferred(x)
	}
	return err
}

// bind leaves the faults of parameters to the next step, which may add its own. It lets go of what a slow reader would keep in
// memory otherwise: the body was given back to the budget, and a plan is as large as the catalog.
func (*executions) bind(x *exchange) error {
	values := json.RawMessage(x.body.ParameterValues)
	if x.texts != nil {
		values = x.called.Endpoint.Contract.FromTexts(x.texts)
	}
	x.bound, x.invalid = x.called.Bind(x.caller, values)
	x.invalid = dataapi.JoinFaults(sensitiveTexts(x), x.invalid)
	x.body.ParameterValues, x.texts, x.plan = nil, nil, nil
	return nil
}

func (e *executions) checkCallback(x *exchange) (err error) {
	x.callback, err = authorizeCallback(x.caller, x.called, x.body.CallbackURL, x.mode.detach, e.checkURL)
	return dataapi.JoinFaults(x.invalid, err)
}

// answer answers with a job, with a result that was cached, or with one that is made while it is sent. Nothing is sent before
// the encoder's first buffer is full or the result complete, so that most errors still find an unbegun answer.
func (e *executions) answer(x *exchange) (err error) {
	x.ran = true
	if x.mode.asJob {
		return e.answerJob(x)
	}
	if policy, cached := x.bound.CachePolicy(); cached {
		if answered, err := e.answerCached(x, policy); answered {
			return err
		}
	}
	end, err := e.beginForm(x.caller.Company.Slug, x.form)
	if err != nil {
		return err
	}
	defer end()
	endpoint := x.bound.Endpoint
	answer := &x.streamed
	answer.open(x.w, x.form, endpoint.Address.Slug, endpoint.Limits.MaxRows, nil, true)
	defer answer.Close()
	answer.sender.HoldUntil(time.Now().Add(endpoint.Limits.Timeout + readGrace))
	x.streams = true
	x.summary, err = x.bound.Run(x.r.Context(), answer)
	return err
}
