package params_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// listOf is count different values of a type.
func listOf(t source.ParamType, count int) []json.RawMessage {
	list := make([]json.RawMessage, count)
	for i := range list {
		switch t {
		case source.ParamInteger:
			list[i] = fmt.Appendf(nil, "%d", 1_000_000+i)
		case source.ParamDecimal:
			list[i] = fmt.Appendf(nil, "%d.50", 1_000_000+i)
		case source.ParamDate:
			list[i] = fmt.Appendf(nil, `"%04d-%02d-%02d"`, 1000+i/336, 1+i/28%12, 1+i%28)
		default:
			list[i] = fmt.Appendf(nil, `"value-%d"`, i)
		}
	}
	return list
}

// work is how much a function allocates: unlike time it is the same on every machine, and what compares each value with each
// other allocates as it does.
func work(t *testing.T, f func()) float64 {
	t.Helper()
	return testing.AllocsPerRun(1, f)
}

// Four times as many values cost four times as much, and not sixteen times.
func TestEnumsCostWhatTheyHold(t *testing.T) {
	for _, kind := range []source.ParamType{source.ParamInteger, source.ParamDecimal, source.ParamDate, source.ParamString} {
		compile := func(count int) func() {
			list := listOf(kind, count)
			return func() {
				if _, faults := params.Compile([]params.Param{{Name: "n", Type: kind, Enum: list}}); len(faults) > 0 {
					t.Fatal(faults)
				}
			}
		}
		small, large := work(t, compile(500)), work(t, compile(2000))
		if large > 6*small {
			t.Errorf("%s: 500 values cost %.0f allocations, 2000 values %.0f", kind, small, large)
		}
	}
}

// What a caller's array costs does not depend on how many values the enum has, or a context lists.
func TestAnArrayCostsNoMoreAgainstALargeEnum(t *testing.T) {
	for _, kind := range []source.ParamType{source.ParamInteger, source.ParamDecimal} {
		bind := func(count int) func() {
			list := listOf(kind, count)
			contract, faults := params.Compile([]params.Param{{Name: "n", Type: kind, Array: true, Enum: list}})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			items := make([]string, 1000)
			for i := range items {
				items[i] = string(list[len(list)-1-i%10])
			}
			request := []byte(`{"n":[` + strings.Join(items, ",") + `]}`)
			context := params.ShareContext{"n": {Allowed: list}}
			return func() {
				if _, err := contract.Bind(request, context); err != nil {
					t.Fatal(err)
				}
			}
		}
		small, large := work(t, bind(10)), work(t, bind(1500))
		if large > 2*small {
			t.Errorf("%s: against 10 values 1000 items cost %.0f allocations, against 1500 values %.0f", kind, small, large)
		}
	}
}

// Two contexts are joined at the cost of what they list, since a source with claims joins them for each call.
func TestContextsAreJoinedAtTheCostOfWhatTheyList(t *testing.T) {
	join := func(count int) func() {
		a := params.ShareContext{"n": {Allowed: listOf(source.ParamInteger, count)}}
		b := params.ShareContext{"n": {Allowed: listOf(source.ParamDecimal, count)}}
		return func() {
			if got := params.Intersect(a, b)["n"].Allowed; len(got) != 0 {
				t.Fatal(got)
			}
		}
	}
	small, large := work(t, join(250)), work(t, join(1000))
	if large > 6*small {
		t.Errorf("250 values cost %.0f allocations, 1000 values %.0f", small, large)
	}
}

// An enum and a context's list are bounded, and are not read when they have more values.
func TestListsAreBounded(t *testing.T) {
	list := listOf(source.ParamInteger, params.MaxListed)
	contract, faults := params.Compile([]params.Param{{Name: "n", Type: source.ParamInteger, Enum: list}, {Name: "m", Type: source.ParamInteger}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if faults := contract.CheckContext(params.ShareContext{"n": {Allowed: list}, "m": {Allowed: list}}); len(faults) > 0 {
		t.Fatal(faults)
	}
	more := listOf(source.ParamInteger, 10*params.MaxListed)
	const want = "must list at most 10000 values; got 100000. Let the statement look them up in a table instead"
	cost := work(t, func() {
		_, faults = params.Compile([]params.Param{{Name: "n", Type: source.ParamInteger, Enum: more}})
	})
	if len(faults) != 1 || faults[0].Field != "enum" || faults[0].Index != -1 || faults[0].Message != want {
		t.Errorf("got %+v", faults)
	}
	if cost > params.MaxListed {
		t.Errorf("refusing a list costs %.0f allocations", cost)
	}
	refused := contract.CheckContext(params.ShareContext{"m": {Allowed: more}})
	if len(refused) != 1 || refused[0].Index != -1 || refused[0].Message != want {
		t.Errorf("got %+v", refused)
	}
	if _, err := contract.Bind([]byte(`{"m":1000001}`), params.ShareContext{"m": {Allowed: more}}); err == nil {
		t.Error("a list that is not read allows a value")
	}
}

// However many values of a list are at fault, the first few are told.
func TestFaultsOfAListAreBounded(t *testing.T) {
	wrong := listOf(source.ParamString, 5000)
	_, faults := params.Compile([]params.Param{{Name: "n", Type: source.ParamInteger, Enum: wrong}})
	if len(faults) != 11 || faults[10].Message != "has 4990 more faults that are not listed" {
		t.Errorf("%d faults, the last %+v", len(faults), faults[len(faults)-1])
	}
	contract, _ := params.Compile([]params.Param{{Name: "n", Type: source.ParamInteger}})
	refused := contract.CheckContext(params.ShareContext{"n": {Allowed: wrong}})
	if len(refused) != 11 || refused[10].Message != "has 4990 more faults that are not listed" {
		t.Errorf("%d faults, the last %+v", len(refused), refused[len(refused)-1])
	}
}
