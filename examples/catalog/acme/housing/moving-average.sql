/*---
title: Moving average of sales
description: |
  Homes sold in one city each month, beside the average over the last months, which takes the season out of the
  figures. The average begins with the month in which its window is full; months that were not reported do not count.
source: demo
mode: sync
params:
  city: { type: string, description: 'City or market area, spelled as in the data.', required: true, max_length: 40, example: Austin }
  months: { type: integer, description: 'Length of the window, the month itself included.', minimum: 2, maximum: 36, default: 12 }
  since: { type: date, description: First month to show., default: 2000-01-01, example: 2014-01-01 }
limits: { timeout: 5s, max_rows: 200 }
columns:
  month: { type: date }
  sales: { type: integer }
  average_sales: { type: decimal, scale: 1 }
share:
  globex: { city: [Austin, Dallas, Houston], months: { minimum: 6, maximum: 24 } }
---*/
WITH smoothed AS (
  SELECT
    printf('%04d-%02d-01', year, month) AS month,
    sales,
    AVG(sales) OVER past AS average_sales,
    COUNT(*) OVER past AS months_seen
  FROM txhousing
  WHERE city = @city
  WINDOW past AS (ORDER BY year, month ROWS BETWEEN @months - 1 PRECEDING AND CURRENT ROW)
)
SELECT month, sales, CASE WHEN months_seen = @months THEN average_sales END AS average_sales
FROM smoothed
WHERE month >= @since
ORDER BY month
