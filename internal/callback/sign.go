package callback

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// keySize is the length of a signing key in bytes; the specification allows 24 to 64.
const keySize = 32

func newKey() ([]byte, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: see crypto/rand
	return key, nil
}

// secretText is the form in which receivers' libraries take a key.
func secretText(key []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(key) }

// Secret returns the secret that a user's callbacks are signed with, as whsec_ and base64, and makes it when there is
// none yet. It is for the user's and the operator's eyes alone, and shown once: after that it gives ErrShown, and who has
// lost the secret has to rotate it.
func (d *Dispatcher) Secret(ctx context.Context, company, user string) (string, error) {
	key, err := d.store.ShowSigningKey(ctx, company, user, d.options.Now(), newKey)
	if err != nil {
		return "", err
	}
	return secretText(key.Key), nil
}

// SecretState says whether a user has a secret.
type SecretState struct {
	Made, Shown   bool
	PreviousUntil time.Time // until when an older secret signs, too; zero: none does
}

// errNone keeps a store from making a key.
var errNone = errors.New("there is no signing key")

// SecretState returns the state of a user's secret, and makes none.
func (d *Dispatcher) SecretState(ctx context.Context, company, user string) (state SecretState, err error) {
	keys, err := d.store.SigningKeys(ctx, company, user, d.options.Now(), func() ([]byte, error) { return nil, errNone })
	if errors.Is(err, errNone) {
		return state, nil
	}
	if err != nil || len(keys) == 0 {
		return state, err
	}
	state.Made, state.Shown = true, keys[0].Shown
	if len(keys) > 1 {
		state.PreviousUntil = keys[1].NotAfter
	}
	return state, nil
}

// RotateSecret makes a new secret for a user and returns it. For the time of the overlap callbacks carry the signatures
// of the old secrets too, so that the receiver can change over without missing one; see [dataapi.CheckOverlap]. It is shown
// here, once.
func (d *Dispatcher) RotateSecret(ctx context.Context, company, user string, overlap time.Duration) (string, error) {
	if err := dataapi.CheckOverlap(overlap); err != nil {
		return "", err
	}
	key, err := newKey()
	if err != nil {
		return "", err
	}
	now := d.options.Now()
	if err := d.store.AddSigningKey(ctx, company, user, key, now, now.Add(overlap)); err != nil {
		return "", err
	}
	return secretText(key), nil
}

// sign sets the headers of the Standard Webhooks specification, with one signature for each key.
func sign(header http.Header, keys []SigningKey, messageID string, at time.Time, body []byte) error {
	signatures := make([]string, 0, len(keys))
	for _, key := range keys {
		webhook, err := standardwebhooks.NewWebhookRaw(key.Key)
		if err != nil {
			return fmt.Errorf("signing key: %w", err)
		}
		signature, err := webhook.Sign(messageID, at, body)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, signature)
	}
	header.Set(standardwebhooks.HeaderWebhookID, messageID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
