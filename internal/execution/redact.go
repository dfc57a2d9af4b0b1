package execution

import (
	"sort"
	"strings"

	"github.com/solucao42/caddy-data-api/source"
)

// redactedError is an error without the values of sensitive parameters: a database's message can repeat what a statement
// was given, and goes to the log.
type redactedError struct {
	error
	message string
}

// Error returns the message without the values.
func (e *redactedError) Error() string { return e.message }

// Unwrap lets errors.Is and errors.As look at the error itself.
func (e *redactedError) Unwrap() error { return e.error }

// redactError takes the values of sensitive parameters out of an error's message.
func (b *Bound) redactError(err error) error {
	if err == nil {
		return nil
	}
	secrets := b.secrets()
	if len(secrets) == 0 {
		return err
	}
	return &redactedError{error: err, message: redact(err.Error(), secrets)}
}

// secrets are the values of sensitive parameters, the longest first, since one may be part of another.
func (b *Bound) secrets() []string {
	var secrets []string
	for i, param := range b.Endpoint.Contract.Params() {
		if param.Sensitive {
			secrets = appendTexts(secrets, b.call.Args[i])
		}
	}
	sort.Slice(secrets, func(i, j int) bool { return len(secrets[i]) > len(secrets[j]) })
	return secrets
}

func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

func appendTexts(texts []string, value source.Argument) []string {
	for _, item := range value.Items {
		texts = appendTexts(texts, item)
	}
	if !value.Null && !value.Array && value.Text != "" {
		texts = append(texts, value.Text)
	}
	return texts
}
