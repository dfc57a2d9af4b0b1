package dataapi_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var update = flag.Bool("update", false, "write the generated documentation again")

// The documentation of errors is made from the catalogue, so that the two cannot differ.
func TestErrorDocumentationIsCurrent(t *testing.T) {
	const path = "../../docs/errors.md"
	want := document()
	if *update {
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run `go test ./internal/dataapi -update`", path)
	}
}

func document() []byte {
	var out bytes.Buffer
	out.WriteString(`# Errors

<!-- Generated from internal/dataapi/catalogue.go by ` + "`go test ./internal/dataapi -update`" + `. Do not edit. -->

Every error is ` + "`application/problem+json`" + ` (RFC 9457) with the fields ` + "`type`, `title`, `status`, `detail`, `code` and `request_id`" + `.
Programs should look at ` + "`code`" + `; it never changes its meaning. ` + "`INVALID_PARAMETER` and `PARAMETER_NOT_ALLOWED`" + ` also list
every fault of the request in ` + "`errors`" + `, each with ` + "`parameter`, `code` and `detail`" + `. For a request that
is traced the document has its ` + "`trace_id`" + `. The ` + "`X-Request-Id`" + ` header of every
answer finds the cause in the server's log.

| status | code | title | detail, unless an occurrence says more |
|---|---|---|---|
`)
	for _, d := range dataapi.Catalogue() {
		fmt.Fprintf(&out, "| %d | `%s` | %s | %s |\n", d.Status, d.Code, d.Title, d.Detail)
	}
	out.WriteString(`
A failed job carries the same codes in the field ` + "`error`" + ` of its document.
`)
	return out.Bytes()
}

func TestCatalogueIsSound(t *testing.T) {
	seen := make(map[dataapi.Code]bool)
	last := 0
	for _, d := range dataapi.Catalogue() {
		if seen[d.Code] {
			t.Errorf("%s is listed twice", d.Code)
		}
		seen[d.Code] = true
		if d.Status < last {
			t.Errorf("%s: the catalogue is not ordered by status", d.Code)
		}
		last = d.Status
		if d.Status < 400 || http.StatusText(d.Status) == "" {
			t.Errorf("%s: %d is no error status", d.Code, d.Status)
		}
		if d.Title == "" || !strings.HasSuffix(d.Detail, ".") {
			t.Errorf("%s lacks a title, or its detail is no sentence", d.Code)
		}
		if d.Code.Definition() != d {
			t.Errorf("%s is not found by its code", d.Code)
		}
	}
}

func TestAsError(t *testing.T) {
	secret := errors.New("dial postgres://admin:hunter2@db")
	for name, test := range map[string]struct {
		err  error
		want dataapi.Code
	}{
		"of the catalogue": {dataapi.Errorf(dataapi.CodeForbidden, "no"), dataapi.CodeForbidden},
		"wrapped":          {fmt.Errorf("doing: %w", dataapi.Wrap(dataapi.CodeOverloaded, secret)), dataapi.CodeOverloaded},
		"deadline":         {fmt.Errorf("query: %w", context.DeadlineExceeded), dataapi.CodeExecutionTimeout},
		"any other":        {secret, dataapi.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			got := dataapi.AsError(test.err)
			if got.Code != test.want {
				t.Errorf("got %s, want %s", got.Code, test.want)
			}
			if strings.Contains(got.Detail, "hunter2") {
				t.Error("the cause is shown to the caller")
			}
		})
	}
	if dataapi.AsError(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestJoinFaults(t *testing.T) {
	invalid := &dataapi.Error{Code: dataapi.CodeInvalidParameter, Faults: []dataapi.Fault{{Parameter: "a"}}}
	notAllowed := &dataapi.Error{Code: dataapi.CodeParameterNotAllowed, Faults: []dataapi.Fault{{Parameter: "b"}}}
	forbidden := dataapi.Errorf(dataapi.CodeForbidden, "no")
	for name, test := range map[string]struct {
		errs   []error
		code   dataapi.Code
		faults int
	}{
		"one":           {[]error{nil, notAllowed}, dataapi.CodeParameterNotAllowed, 1},
		"both":          {[]error{notAllowed, invalid}, dataapi.CodeInvalidParameter, 2},
		"not a fault":   {[]error{invalid, forbidden}, dataapi.CodeForbidden, 0},
		"any other one": {[]error{invalid, errors.New("disk")}, dataapi.CodeInternal, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := dataapi.AsError(dataapi.JoinFaults(test.errs...))
			if got.Code != test.code || len(got.Faults) != test.faults {
				t.Errorf("got %v", got)
			}
		})
	}
	if err := dataapi.JoinFaults(nil, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	if len(invalid.Faults) != 1 || len(notAllowed.Faults) != 1 {
		t.Error("the joined errors were changed")
	}
}
