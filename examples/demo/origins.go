package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// origins shows the two places that endpoints come from: files of the catalog, and the console, whose endpoints are the same text in the
// server's store. The list is the one that an administrator sees.
func (p *pass) origins(ctx context.Context) error {
	line, output, err := p.cli.importConsole(ctx)
	if err != nil {
		return err
	}
	p.screen.command(line)
	p.screen.line(indent + strings.TrimSpace(string(output)))

	token, err := p.tokenOf(ctx, admin)
	if err != nil {
		return err
	}
	list := call{method: http.MethodGet, path: "/api/v1/data-api/catalog", token: token}
	p.screen.command(list.curl(baseURL) + "  # with a token of " + admin + "'s")
	answer, err := list.send(ctx)
	if err != nil {
		return err
	}
	p.note(answer)
	var listed struct {
		Endpoints []endpoint `json:"endpoints"`
	}
	if err := decode(answer, http.StatusOK, &listed); err != nil {
		return err
	}
	p.screen.origins(listed.Endpoints)
	seen := make(map[string]bool)
	for _, one := range listed.Endpoints {
		seen[one.Origin] = true
	}
	if !seen["file"] || !seen["console"] {
		return errors.New("the list does not have endpoints of both origins")
	}
	var result struct {
		Rows []struct {
			Month string `json:"mes"`
		} `json:"rows"`
	}
	run := call{method: http.MethodGet, path: "/api/v1/data-api/default/vendas-por-mes/execute?regiao=Sul", token: p.token}
	if err := p.ask(ctx, run, http.StatusOK, &result); err != nil {
		return err
	}
	if len(result.Rows) == 0 || !strings.HasPrefix(result.Rows[0].Month, "202") {
		return errors.New("the endpoint of the console answers without its months")
	}
	return nil
}

// tokenOf makes a key of a user, and exchanges it.
func (p *pass) tokenOf(ctx context.Context, user string) (string, error) {
	key, _, _, err := p.cli.createKey(ctx, user)
	if err != nil {
		return "", err
	}
	answer, err := tokenCall(key).send(ctx)
	if err != nil {
		return "", err
	}
	var tokens struct {
		Access string `json:"access_token"`
	}
	err = decode(answer, http.StatusOK, &tokens)
	return tokens.Access, err
}

// endpoint is what the demo reads of an endpoint as it is written.
type endpoint struct {
	Namespace string  `json:"namespace"`
	Slug      string  `json:"slug"`
	Origin    string  `json:"origin"`
	Path      *string `json:"path"`
	Version   *int64  `json:"version"`
}

// origins shows endpoints with where each is written.
func (s *screen) origins(endpoints []endpoint) {
	s.line("")
	s.line(indent + s.paint(bold, fmt.Sprintf("%-30s %-8s %s", "endpoint", "origin", "where")))
	for _, one := range endpoints {
		where := "the server's store"
		if one.Path != nil {
			where = "examples/catalog/" + *one.Path
		} else if one.Version != nil {
			where += fmt.Sprintf(", version %d", *one.Version)
		}
		s.line(indent + fmt.Sprintf("%-30s %-8s %s", one.Namespace+"/"+one.Slug, one.Origin, where))
	}
}
