package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// The customer that the demo plays.
const (
	company = "acme"
	user    = "integration"
	admin   = "ana" // looks after the company in the console
)

// cli runs the server's own command, which speaks to the running server through its admin API. Every argument that
// the demo gives it is in this file.
type cli struct {
	program string
	address string // of the admin API of the server that it speaks to
}

// credentials is an API key as `keys create` prints it, once.
type credentials struct {
	Key    string `json:"api_key"`
	Secret string `json:"api_secret"`
}

// createKey makes an API key of a user. It returns the command line and its output as well, to be shown.
func (c cli) createKey(ctx context.Context, user string) (key credentials, line string, output []byte, err error) {
	line, output, err = c.run(ctx, "keys", "create", "--company", company, "--user", user)
	if err != nil {
		return key, line, output, err
	}
	if err := json.Unmarshal(output, &key); err != nil || key.Key == "" || key.Secret == "" {
		return key, line, output, fmt.Errorf("%s: no api_key and api_secret in: %s", line, output)
	}
	return key, line, output, nil
}

// callbackSecret makes the secret that callbacks to the demo's user are signed with: an earlier one is not shown again.
func (c cli) callbackSecret(ctx context.Context) (secret, line string, output []byte, err error) {
	line, output, err = c.run(ctx, "callback-secret", "rotate", "--company", company, "--user", user)
	if err != nil {
		return "", line, output, err
	}
	var answer struct {
		Secret string `json:"callback_secret"`
	}
	if err := json.Unmarshal(output, &answer); err != nil || answer.Secret == "" {
		return "", line, output, fmt.Errorf("%s: no callback_secret in: %s", line, output)
	}
	return answer.Secret, line, output, nil
}

// consoleLink makes a link that signs the company's administrator in to the console. It returns the line that makes another.
func (c cli) consoleLink(ctx context.Context) (link, line string, err error) {
	line, output, err := c.run(ctx, "console-link", "--company", company, "--user", admin)
	if err != nil {
		return "", line, err
	}
	var answer struct {
		Path string `json:"path"`
	}
	if err := json.Unmarshal(output, &answer); err != nil || answer.Path == "" {
		return "", line, fmt.Errorf("%s: no path in: %s", line, output)
	}
	return baseURL + answer.Path, strings.Replace(line, " --json", " --url "+baseURL, 1), nil
}

// importConsole takes the endpoints of a directory into the console of the company.
func (c cli) importConsole(ctx context.Context) (line string, output []byte, err error) {
	return c.runPlain(ctx, "catalog", "import", consoleDir, "--company", company)
}

func (c cli) run(ctx context.Context, args ...string) (line string, output []byte, err error) {
	return c.runPlain(ctx, append(args, "--json")...)
}

// runPlain is run for a command that answers in words.
func (c cli) runPlain(ctx context.Context, args ...string) (line string, output []byte, err error) {
	args = append(append([]string{"data-api"}, args...), "--address", c.address)
	line = c.program + " " + strings.Join(args, " ")
	output, err = exec.CommandContext(ctx, c.program, args...).Output() //nolint:gosec // the program is the user's own choice
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(failed.Stderr)))
	}
	return line, output, err
}
