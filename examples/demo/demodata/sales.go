package demodata

import (
	"math/rand/v2"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// The months that hold sales, and how many sales the whole chain makes in each of them.
const (
	firstMonth    = "2025-01"
	lastMonth     = "2026-03"
	salesPerMonth = 7000
)

// The guide's example asks for the sales of this region from this day on and shows this total.
const (
	guideRegion = "Sul"
	guideSince  = "2026-01-01"
	guideTotal  = 150_000_00 // cents
)

// regions with each one's share of the sales, in percent.
var regions = []struct {
	name  string
	share int
}{{"Sudeste", 40}, {"Nordeste", 22}, {"Sul", 18}, {"Centro-Oeste", 11}, {"Norte", 9}}

// products with the price of one, in cents.
var products = []struct {
	name  string
	price int
}{
	{"Espresso", 750}, {"Cappuccino", 1290}, {"Coado", 690}, {"Pão de queijo", 850}, {"Bolo de cenoura", 1190},
	{"Brigadeiro", 490}, {"Café em grãos 250 g", 3890}, {"Café em grãos 1 kg", 11900},
}

// sale is one row of vendas, without its id.
type sale struct {
	date     string
	region   string
	product  string
	customer int
	quantity int
	cents    int
}

func insertSales(db *sqlite3.Conn) error {
	return insert(db, "vendas", 7, func(add func(...any) error) error {
		for i, s := range sales() {
			if err := add(i+1, s.date, s.region, s.product, s.customer, s.quantity, s.cents); err != nil {
				return err
			}
		}
		return nil
	})
}

// sales generates every sale, in order of date, and adjusts the guide's region so that its total is exact.
func sales() []sale {
	random := rand.New(rand.NewPCG(2026, 42)) //nolint:gosec // repeatable on purpose
	var all []sale
	for month := firstMonth; month <= lastMonth; {
		start, err := time.Parse("2006-01", month)
		if err != nil {
			panic(err) // a constant of this file
		}
		next := start.AddDate(0, 1, 0)
		days := int(next.Sub(start).Hours() / 24)
		for i := range salesPerMonth {
			all = append(all, randomSale(random, start.AddDate(0, 0, i*days/salesPerMonth)))
		}
		month = next.Format("2006-01")
	}
	matchTotal(all)
	return all
}

func randomSale(random *rand.Rand, day time.Time) sale {
	product := products[random.IntN(len(products))]
	quantity := 1 + random.IntN(4)
	discount := random.IntN(16) // percent, for members
	return sale{
		date:     day.Format(time.DateOnly),
		region:   randomRegion(random),
		product:  product.name,
		customer: 1 + random.IntN(900),
		quantity: quantity,
		cents:    product.price * quantity * (100 - discount) / 100,
	}
}

func randomRegion(random *rand.Rand) string {
	point := random.IntN(100)
	for _, region := range regions {
		if point < region.share {
			return region.name
		}
		point -= region.share
	}
	panic("the regions' shares do not add up to 100 percent")
}

// matchTotal scales the sales behind the guide's example to its total. Rounding down loses less than one cent a sale;
// the sales together get back what was lost, one cent each.
func matchTotal(all []sale) {
	var chosen []*sale
	sum := 0
	for i := range all {
		if s := &all[i]; s.region == guideRegion && s.date >= guideSince {
			chosen = append(chosen, s)
			sum += s.cents
		}
	}
	rest := guideTotal
	for _, s := range chosen {
		s.cents = s.cents * guideTotal / sum
		rest -= s.cents
	}
	for _, s := range chosen[:rest] {
		s.cents++
	}
}
