package catalog

import (
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// CheckParse parses one file and checks what holds for every text.
func CheckParse(t *testing.T, text []byte, asEndpoint bool) {
	r := report{file: "f", dialects: dialects{others: builtIn}}
	var sound bool
	if asEndpoint {
		var endpoint *Endpoint
		if endpoint, sound = parseEndpoint(dataapi.Address{Company: "acme", Namespace: "default", Slug: "s"}, text, &r); sound {
			if endpoint.Contract == nil || endpoint.Statement.SQL == "" || endpoint.Source == "" || endpoint.Limits.Timeout <= 0 {
				t.Fatalf("%+v", endpoint)
			}
			for offset := range len(endpoint.Statement.SQL) {
				if line, column := endpoint.Position(offset); line < 4 || column < 1 {
					t.Fatalf("offset %d is at %d:%d", offset, line, column)
				}
			}
		}
	} else {
		company, _ := parseCompany("acme", text, &r)
		sound = company != nil
	}
	if sound != (len(r.diagnostics) == 0) {
		t.Fatalf("sound: %v, faults: %v", sound, r.diagnostics)
	}
	for _, fault := range r.diagnostics {
		if fault.Line < 1 || fault.Column < 1 || fault.Message == "" {
			t.Fatalf("%+v", fault)
		}
	}
}

// Dialects are those of the built-in sources.
var Dialects = builtIn
