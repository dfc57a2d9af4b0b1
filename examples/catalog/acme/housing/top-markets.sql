/*---
title: Top markets of a year
description: |
  The cities ranked by homes sold, by total value or by average price in one year, best first. Cities that reported
  nothing that year are left out. share_of_volume is the city's part of the value sold in all cities, from 0 to 1.
source: demo
mode: sync
params:
  year: { type: integer, description: The year. 2015 ends in July., required: true, minimum: 2000, maximum: 2015, example: 2014 }
  rank_by:
    type: string
    description: What counts.
    enum: [sales, volume, average_price]
    default: volume
  top: { type: integer, description: How many places to show. Equal cities share a place., minimum: 1, maximum: 46, default: 10 }
limits: { timeout: 5s, max_rows: 100 }
columns:
  place: { type: integer }
  city: { type: varchar }
  sales: { type: bigint }
  volume_usd: { type: bigint }
  average_price_usd: { type: decimal, scale: 2 }
  share_of_volume: { type: decimal, scale: 4 }
---*/
WITH
  markets AS (
    SELECT city, SUM(sales) AS sales, SUM(volume) AS volume, 1.0 * SUM(volume) / SUM(sales) AS average_price
    FROM txhousing
    WHERE year = @year
    GROUP BY city
    HAVING SUM(sales) > 0
  ),
  ranked AS (
    SELECT
      *,
      1.0 * volume / SUM(volume) OVER () AS share_of_volume,
      RANK() OVER (
        ORDER BY CASE @rank_by WHEN 'sales' THEN sales WHEN 'volume' THEN volume ELSE average_price END DESC
      ) AS place
    FROM markets
  )
SELECT place, city, sales, volume AS volume_usd, average_price AS average_price_usd, share_of_volume
FROM ranked
WHERE place <= @top
ORDER BY place, city
