package admission_test

import (
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

func TestBudgetIsConcurrent(t *testing.T) {
	budget := admission.NewBudget(1000)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			who := fmt.Sprint(i % 3)
			for range 2000 {
				if budget.Take(who, 50) {
					budget.Return(who, 50)
				}
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
