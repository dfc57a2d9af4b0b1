package main

import "fmt"

// tables are what the endpoints read: as many as a small application has.
var tables = []string{
	`CREATE TABLE accounts (id integer PRIMARY KEY, name text NOT NULL, balance numeric(12,2) NOT NULL)`,
	`INSERT INTO accounts SELECT i, 'Account ' || i, i * 0.37 FROM generate_series(1, 10000) AS i`,
	`CREATE TABLE orders (id bigint PRIMARY KEY, account integer NOT NULL REFERENCES accounts, ordered_on date NOT NULL, amount numeric(12,2) NOT NULL,
		region text NOT NULL, cancelled boolean NOT NULL)`,
	`INSERT INTO orders SELECT i, 1 + i % 10000, DATE '2025-01-01' + i % 365, i * 0.11, (ARRAY['north', 'south', 'east'])[1 + i % 3], i % 20 = 0
		FROM generate_series(1, 50000) AS i`,
	`ANALYZE`,
}

func company(i int) string { return fmt.Sprintf("company-%05d", i) }

// files are those of a catalog with so many endpoints, shared evenly among companies. The first company's point endpoint is the one
// that is measured.
func (s size) files() map[string]string {
	files := make(map[string]string, s.endpoints+s.companies)
	for i := range s.companies {
		files[company(i)+"/company.yaml"] = fmt.Sprintf(
			"name: Company %d\nusers:\n  erp: { policies: [DataAPIConsumer] }\n  site: { policies: [DataAPIConsumer] }\n", i)
	}
	for i := range s.endpoints {
		of := i % s.companies
		path := fmt.Sprintf("%s/%s.sql", company(of), endpointPath(i/s.companies))
		if i%20 == 7 && s.companies > 1 {
			files[path] = report(i, fmt.Sprintf("share:\n  %s:\n    region: [north, south]\n", company((of+1)%s.companies)))
		} else {
			files[path] = report(i, "")
		}
	}
	files[pointFile] = point(0)
	return files
}

// endpointPath is NAMESPACE/SLUG of an endpoint of a company, with a hundred in a namespace.
func endpointPath(i int) string {
	if i == 0 {
		return "area-000/point"
	}
	return fmt.Sprintf("area-%03d/report-%05d", i/100, i)
}

var pointFile = company(0) + "/area-000/point.sql"

// point is the endpoint that is measured; version changes what it answers.
func point(version int) string {
	return fmt.Sprintf("/*---\ntitle: One account\nsource: warehouse\nparams:\n  id: { type: integer, required: true }\n---*/\n"+
		"SELECT id, name, balance, %d AS version FROM accounts WHERE id = @id\n", version)
}

// report is an endpoint as authors write them.
func report(i int, more string) string {
	return fmt.Sprintf(`/*---
title: Orders by account, report %[1]d
description: |
  What the accounts have ordered in a span of days, by region, without what was cancelled.
source: warehouse
params:
  from: { type: date, required: true, description: "The first day." }
  to: { type: date, description: "The last day; today when it is left out." }
  region: { type: string, enum: [north, south, east], default: north }
  least: { type: decimal, minimum: 0, description: "Only orders of this amount or more." }
limits: { timeout: 20s, max_rows: 5000 }
columns:
  total: { type: decimal, scale: 2, description: "In the currency of the account." }
%[2]s---*/
SELECT a.id, a.name, o.region, count(*) AS orders, sum(o.amount) AS total, max(o.ordered_on) AS latest, %[1]d AS report
FROM accounts AS a
JOIN orders AS o ON o.account = a.id
WHERE o.ordered_on >= @from AND o.ordered_on <= coalesce(@to, current_date) AND o.region = @region
  AND o.amount >= coalesce(@least, 0) AND NOT o.cancelled
GROUP BY a.id, a.name, o.region
ORDER BY total DESC, a.id
`, i, more)
}
