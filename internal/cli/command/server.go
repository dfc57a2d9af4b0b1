package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// Ask asks the admin API and prints its answer: as it came under --json, else as show does.
func Ask[T any](c *Call, method, path string, request any, show func(T) error) error {
	var answer T
	raw, err := c.Request(method, path, request, &answer)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		_, err = c.Out.Write(raw)
		return err
	}
	return show(answer)
}

// Request asks the admin API, decodes its answer into target and returns it as it came, too.
func (c *Call) Request(method, path string, request, target any) ([]byte, error) {
	var body io.Reader
	if request != nil {
		encoded, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	response, err := caddycmd.AdminAPIRequest(c.Server, method, path, nil, body)
	if err != nil {
		return nil, c.Explain(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the server's answer: %w", err)
	}
	return raw, json.Unmarshal(raw, target)
}

// adminAddress finds the admin API: at the address that is given, or where the configuration says.
func adminAddress(address, configFile, adapter string) (string, error) {
	var config []byte
	if address == "" && configFile != "" {
		var err error
		if config, _, _, err = caddycmd.LoadConfig(configFile, adapter); err != nil {
			return "", fmt.Errorf("finding the admin address in %s: %w", configFile, err)
		}
		var settings struct {
			Admin struct {
				Disabled bool `json:"disabled"`
			} `json:"admin"`
		}
		if json.Unmarshal(config, &settings) == nil && settings.Admin.Disabled {
			return "", fmt.Errorf("%s says `admin off`, and this command speaks to the server through its admin API: "+
				"switch it on, for example on a socket, with `admin unix//run/caddy/admin.sock`", configFile)
		}
	}
	found, err := caddycmd.DetermineAdminAPIAddress(address, config, configFile, adapter)
	if err != nil {
		return "", fmt.Errorf("finding the admin address: %w", err)
	}
	if _, err := caddy.ParseNetworkAddress(found); err != nil || strings.Contains(found, "://") {
		return "", fmt.Errorf("the admin address is %q: it must be HOST:PORT, without a scheme, or unix/FILE", found)
	}
	return found, nil
}

// refusal matches the error that Caddy's client makes of an admin API's error document.
var refusal = regexp.MustCompile(`(?s)HTTP (\d+): (.*)`)

// RefusedError is an error in the server's own words: it was reached, and knows better than any advice about reaching it.
type RefusedError string

// Error returns the words.
func (e RefusedError) Error() string { return string(e) }

// Explain puts what went wrong into words for the person who runs the command. Caddy's client gives texts, not causes.
func (c *Call) Explain(err error) error {
	text := err.Error()
	if found := refusal.FindStringSubmatch(text); found != nil {
		var document struct {
			Error string `json:"error"`
		}
		if json.Unmarshal([]byte(found[2]), &document) == nil && document.Error != "" {
			return RefusedError(document.Error)
		}
		return fmt.Errorf("the server at %s answers %s: is it a Caddy with this plug-in?", c.Server, found[1])
	}
	says := func(err error) bool { return strings.Contains(text, err.Error()) }
	switch {
	case slices.ContainsFunc([]error{syscall.ECONNREFUSED, syscall.ENOENT, syscall.ECONNRESET}, says), strings.Contains(text, "refused"):
		return fmt.Errorf("no server answers at %s: is it running? Start it, or say with --address or --config where its admin API is. "+
			"Under `admin off` it has none", c.Server)
	case strings.Contains(text, "no such host"):
		return fmt.Errorf("there is no host of this name: the admin address is %q; it must be HOST:PORT or unix/FILE", c.Server)
	case says(syscall.EACCES):
		return fmt.Errorf("the admin API at %s does not let you in: run the command as the server's user", c.Server)
	}
	return err
}
