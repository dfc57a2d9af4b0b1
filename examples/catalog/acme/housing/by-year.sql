/*---
title: Cities, year by year
description: |
  Homes sold, total value and average price per city and year, for the cities asked for or for all of them.
  months_reported tells how many months a year's figures come from: fewer than 12 make it incomplete.
source: demo
mode: sync
params:
  cities:
    type: array<string>
    max_length: 40
    description: The cities to show. Left out, every city.
    min_items: 1
    max_items: 46
    example: [Austin, Houston]
  from_year: { type: integer, description: First year., minimum: 2000, maximum: 2015, default: 2000 }
  to_year: { type: integer, description: Last year. 2015 ends in July., minimum: 2000, maximum: 2015, default: 2015 }
limits: { timeout: 5s, max_rows: 1000 }
columns:
  city: { type: varchar }
  year: { type: integer }
  sales: { type: bigint }
  volume_usd: { type: bigint }
  average_price_usd: { type: decimal, scale: 2 }
  months_reported: { type: integer }
---*/
SELECT
  city,
  year,
  SUM(sales) AS sales,
  SUM(volume) AS volume_usd,
  1.0 * SUM(volume) / SUM(sales) AS average_price_usd,
  COUNT(sales) AS months_reported
FROM txhousing
WHERE (@cities IS NULL OR city IN (SELECT value FROM json_each(@cities)))
  AND year BETWEEN @from_year AND @to_year
GROUP BY city, year
ORDER BY city, year
