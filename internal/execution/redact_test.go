package execution

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// A database's message goes to the log without the values of sensitive parameters, and means what it meant.
func TestDatabaseErrorsAreDiscreet(t *testing.T) {
	contract, faults := params.Compile([]params.Param{
		{Name: "open", Type: source.ParamString},
		{Name: "secret", Type: source.ParamString, Sensitive: true},
		{Name: "list", Type: source.ParamString, Array: true, Sensitive: true},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	args, err := contract.Bind([]byte(`{"open":"visible","secret":"4711","list":["47110815","x-1"]}`))
	if err != nil {
		t.Fatal(err)
	}
	bound := &Bound{Endpoint: &catalog.Endpoint{Contract: contract}, call: source.Call{Args: args}}
	cause := errors.New(`invalid input syntax for type date: "4711" near 47110815 and x-1, visible`)
	got := bound.redactError(dataapi.Wrap(dataapi.CodeInternal, fmt.Errorf("run: %w", cause)))
	if !errors.Is(got, cause) || !dataapi.HasCode(got, dataapi.CodeInternal) {
		t.Errorf("the error is another one: %v", got)
	}
	if want := `type date: "***" near *** and ***, visible`; !strings.HasSuffix(got.Error(), want) {
		t.Errorf("got %s", got)
	}
	if bound.redactError(nil) != nil {
		t.Error("no error becomes one")
	}
}
