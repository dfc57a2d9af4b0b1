package execution

import (
	"sort"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/params"
)

// discreetError is an error without the values of sensitive parameters: a database's message can repeat what a statement
// was given, and goes to the log.
type discreetError struct {
	error
	message string
}

// Error returns the message without the values.
func (e *discreetError) Error() string { return e.message }

// Unwrap lets errors.Is and errors.As look at the error itself.
func (e *discreetError) Unwrap() error { return e.error }

// discreet takes the values of sensitive parameters out of an error's message.
func (b *Bound) discreet(err error) error {
	if err == nil {
		return nil
	}
	var secrets []string
	for i, param := range b.Endpoint.Contract.Params() {
		if param.Sensitive {
			secrets = appendTexts(secrets, b.call.Args[i])
		}
	}
	if len(secrets) == 0 {
		return err
	}
	sort.Slice(secrets, func(i, j int) bool { return len(secrets[i]) > len(secrets[j]) }) // one may be part of another
	message := err.Error()
	for _, secret := range secrets {
		message = strings.ReplaceAll(message, secret, "***")
	}
	return &discreetError{error: err, message: message}
}

func appendTexts(texts []string, value params.Value) []string {
	for _, item := range value.Items {
		texts = appendTexts(texts, item)
	}
	if !value.Null && !value.Array && value.Text != "" {
		texts = append(texts, value.Text)
	}
	return texts
}
