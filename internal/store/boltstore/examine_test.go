package boltstore_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// examination asks everything that can be asked of a store, and notes the answers.
type examination struct {
	*services
	known   *contents
	answers map[string]string
}

const failure = "!" // begins an answer that is an error other than one that denies that something is there

// note notes an answer. An error is one of the answers, unless it is one of the store itself.
func (e *examination) note(question string, answer any, err error) {
	var coded *dataapi.Error
	switch {
	case err == nil:
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		e.answers[question] = string(text)
	case errors.Is(err, job.ErrNotFound), errors.Is(err, callback.ErrNotFound), errors.Is(err, errAsked), errors.Is(err, job.ErrNoResult):
		e.answers[question] = err.Error()
	case errors.As(err, &coded) && (coded.Code == dataapi.CodeUnauthenticated || coded.Code == dataapi.CodeNotFound):
		e.answers[question] = string(coded.Code)
	default:
		e.answers[question] = failure + err.Error() + causes(err)
	}
}

func causes(err error) string {
	if coded, ok := errors.AsType[*dataapi.Error](err); ok && coded.Err != nil {
		return ": " + coded.Err.Error()
	}
	return ""
}

// examine opens a store as a server does, and asks everything. Its error is that of a server that does not start.
func examine(path string, known *contents) (answers map[string]string, err error) {
	s, err := open(path, asked)
	if err != nil {
		return nil, err
	}
	e := &examination{services: s, known: known, answers: make(map[string]string)}
	e.secrets()
	e.credentials()
	e.jobs()
	e.deliveries()
	e.changes()
	return e.answers, e.close()
}

func (e *examination) secrets() {
	for _, name := range e.known.Secrets {
		secret, err := e.store.Secret(name, asked)
		e.note("secret/"+name, secret, err)
	}
	for _, user := range e.known.Users {
		keys, err := e.store.SigningKeys(context.Background(), user[0], user[1], epoch, asked)
		e.note("signing/"+user[0]+"/"+user[1], keys, err)
	}
	set, _ := e.ring.JWKS()
	e.note("jwks", string(set), nil)
}

func (e *examination) credentials() {
	e.listKeys() // first: to verify a secret notes a use of its key
	for id, secret := range e.known.Keys {
		var caller identity.Principal
		var err error
		for _, company := range []string{"acme", "globex"} {
			if caller, err = e.directory.Verify(company, id, secret); !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
				break
			}
		}
		who := ""
		if err == nil {
			who = caller.Company.Slug + "/" + caller.User.Name
		}
		e.note("key/"+id, who, err)
	}
	for i, family := range e.known.Families {
		e.note("revoked/"+family, e.families.Revoked(family), nil)
		claims, err := e.authority.VerifyAccess(e.known.Tokens[i])
		e.note("token/"+family, claims.User, err)
	}
}

func (e *examination) listKeys() {
	listed, err := e.keys.List(context.Background(), "")
	for _, key := range listed {
		if state := key.State(epoch.AddDate(1, 0, 0)); state == identity.KeyDamaged {
			e.note("keys/"+key.ID, nil, fmt.Errorf("%s %s", key.ID, state))
			continue
		}
		e.note("used/"+key.ID, key.LastUsedAt, nil)
		key.LastUsedAt = time.Time{}
		e.note("keys/"+key.ID, []any{key, key.State(epoch)}, nil)
	}
	e.note("keys", nil, err)
}

func (e *examination) jobs() {
	ctx := context.Background()
	for _, id := range e.known.Jobs {
		j, err := e.engine.Get(ctx, id)
		e.note("job/"+id.String(), j, err)
		reader, err := e.engine.OpenResult(ctx, id)
		sum := sha256.New()
		if err == nil {
			_, err = reader.WriteTo(sum)
		}
		e.note("result/"+id.String(), sum.Sum(nil), err)
	}
	for company := range companies {
		filter := job.Filter{Limit: 7}
		for more := true; more; more = !filter.After.IsZero() {
			jobs, next, err := e.engine.List(ctx, company, filter)
			if err != nil {
				e.note("list/"+company, nil, err)
				break
			}
			for _, j := range jobs {
				e.note("listed/"+j.ID.String(), j, nil)
			}
			filter.After = next
		}
	}
	unfinished, err := e.store.Unfinished(ctx)
	e.note("unfinished", nil, err)
	for _, j := range unfinished {
		e.note("unfinished/"+j.ID.String(), struct {
			ID                   job.ID
			Company, User, KeyID string
		}{j.ID, j.Company, j.User, j.KeyID}, nil)
	}
}

func (e *examination) deliveries() {
	ctx := context.Background()
	for _, id := range e.known.Jobs {
		d, err := e.store.GetDelivery(ctx, id)
		e.note("delivery/"+id.String(), d, err)
	}
	listed, err := e.store.ListDeliveries(ctx, "", job.ID{}, 1000)
	e.note("deliveries", len(listed), err)
}

// changes asks by doing: what can be claimed, repeated, exchanged and removed.
func (e *examination) changes() {
	ctx := context.Background()
	for key, company := range e.known.Repeated {
		j, repeated, err := e.engine.AcceptOnce(ctx, request(company, 1, ""), job.Idempotency{Key: key, Digest: job.Digest{1}})
		e.note("repeated/"+key, []any{repeated, j.ID}, err)
	}
	for _, text := range e.known.Refresh {
		claims, err := e.authority.VerifyRefresh(text)
		if err == nil {
			_, _, err = e.families.Rotate(ctx, e.authority, claims)
		}
		e.note("exchange/"+cmp.Or(claims.Family, text), "exchanged", err)
	}
	_, err := e.store.Recover(ctx, "examiner")
	e.note("recover", nil, err)
	for range 30 {
		claimed, _, err := e.store.Claim(ctx, "examiner", epoch, epoch.Add(time.Minute), job.Capacity{Jobs: 4})
		e.note("claim", nil, err)
		for _, j := range claimed {
			e.note("claimed/"+j.ID.String(), j.Attempt, nil)
		}
	}
	for range 30 {
		due, _, err := e.store.ClaimDeliveries(ctx, epoch, epoch.Add(time.Minute), callback.Capacity{Deliveries: 4})
		e.note("claim deliveries", nil, err)
		for _, d := range due {
			e.note("due/"+d.JobID.String(), d.URL, nil)
		}
	}
	e.note("prune", nil, e.families.Prune(ctx))
	for more, rounds := true, 0; more && rounds < 100; rounds++ {
		more, err = e.store.Sweep(ctx, epoch.AddDate(1, 0, 0), 100)
		e.note("sweep", nil, err)
	}
	e.note("kept in order", e.directory.HasUser("acme", "batch"), nil)
}

// wrongAnswers compares an examination with that of the store as it was. An error is no wrong answer, and neither is what
// is missing of a record about which the one who asks is told an error.
func wrongAnswers(want, got map[string]string) (wrong []string) {
	questions := make([]string, 0, len(want))
	for question := range want {
		questions = append(questions, question)
	}
	for question := range got {
		if _, ok := want[question]; !ok {
			questions = append(questions, question)
		}
	}
	slices.Sort(questions)
	failed := func(question string) bool { return strings.HasPrefix(got[question], failure) }
	for _, question := range questions {
		answer, ok := got[question]
		if ok && answer == want[question] || failed(question) {
			continue
		}
		kind, id, _ := strings.Cut(question, "/")
		switch kind {
		case "listed":
			if failed("list/acme") || failed("list/globex") {
				continue
			}
		case "claimed", "unfinished":
			if failed("job/" + id) {
				continue
			}
		case "due":
			if failed("delivery/" + id) {
				continue
			}
		case "used": // a damaged record is let go of: it is not known any more
			if !ok && failed("keys/"+id) || strings.Contains(answer, "0001-01-01") {
				continue
			}
		case "result": // a job that cannot be read has none
			if failed("job/" + id) {
				continue
			}
		}
		wrong = append(wrong, fmt.Sprintf("%s: %.200s instead of %.200s", question, answer, want[question]))
	}
	return wrong
}
