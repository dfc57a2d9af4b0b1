package admission_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/admission"
)

// takeAll takes parts until there are none to be had.
func takeAll(budget *admission.Budget, who string, part int64) (taken int64) {
	for budget.Take(who, part) {
		taken += part
	}
	return taken
}

func TestBudgetLeavesSomethingForWhoComesNext(t *testing.T) {
	budget := admission.NewBudget(6000)
	if got := takeAll(budget, "a", 1); got != 3000 {
		t.Errorf("who is alone holds %d of 6000, want half", got)
	}
	if got := takeAll(budget, "b", 1); got != 1500 {
		t.Errorf("the second holds %d, want half of the rest", got)
	}
	budget.Return("a", 3000)
	takeAll(budget, "a", 1)
	budget.Return("b", 1500)
	budget.Return("a", 500)
	if a, b := takeAll(budget, "a", 1), takeAll(budget, "b", 1); b == 0 {
		t.Errorf("a has taken %d more and b nothing", a)
	}
	many := admission.NewBudget(1 << 20)
	for i := range 10 {
		if takeAll(many, fmt.Sprint(i), 1) == 0 {
			t.Errorf("nothing is left for the one that comes after %d others", i)
		}
	}
	if many.Held() > 1<<20 {
		t.Errorf("%d are held", many.Held())
	}
	if !many.Take("x", 0) || many.Take("x", 1<<20) {
		t.Error("nothing can always be had, and all never")
	}
}

func TestBudgetResizes(t *testing.T) {
	budget := admission.NewBudget(100)
	takeAll(budget, "a", 10)
	budget.Resize(20)
	if budget.Take("b", 1) {
		t.Error("there is nothing to be had beyond the new size")
	}
	budget.Return("a", 50)
	if got := takeAll(budget, "b", 1); got != 10 || budget.Held() != 10 {
		t.Errorf("%d were taken, %d are held", got, budget.Held())
	}
}

func TestBudgetIsGivenBackWhenContextsAreDone(t *testing.T) {
	budget := admission.NewBudget(2000)
	var ends []context.CancelFunc
	for range 1000 {
		if !budget.Take("a", 1) {
			t.Fatal("there is not enough")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ends = append(ends, cancel)
		budget.ReturnWhenDone(ctx, "a", 1)
	}
	if budget.Take("a", 1) {
		t.Error("more than half was to be had")
	}
	for _, end := range ends[:500] {
		end()
	}
	taken := 0
	for i := 0; i < 1000 && taken < 500; i++ { // each time it looks at some of the contexts
		if budget.Take("a", 1) {
			taken++
		}
	}
	if taken != 500 || budget.Held() != 1000 {
		t.Errorf("%d were to be had again, %d are held", taken, budget.Held())
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for range 500 {
		budget.ReturnWhenDone(done, "a", 1)
	}
	for _, end := range ends {
		end()
	}
	if budget.Held() != 0 {
		t.Errorf("%d are held", budget.Held())
	}
}

func TestBudgetIsConcurrent(t *testing.T) {
	budget := admission.NewBudget(1000)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			who := fmt.Sprint(i % 3)
			for n := range 2000 {
				if !budget.Take(who, 50) {
					continue
				}
				if n%2 == 0 {
					budget.Return(who, 50)
					continue
				}
				ctx, cancel := context.WithCancel(t.Context())
				budget.ReturnWhenDone(ctx, who, 50)
				cancel()
			}
		})
	}
	group.Wait()
	if held := budget.Held(); held != 0 {
		t.Errorf("%d are held in the end", held)
	}
}

func BenchmarkBudget(b *testing.B) {
	budget := admission.NewBudget(1 << 30)
	b.ReportAllocs()
	for b.Loop() {
		if !budget.Take("acme", 1000) {
			b.Fatal("refused")
		}
		budget.Return("acme", 1000)
	}
}
