/*---
title: Sales by region
source: warehouse
params:
  from: { type: date, required: true }
  region: { type: string, max_length: 40 }
limits: { timeout: 5s, max_rows: 1000 }
---*/
SELECT region, sum(total) AS total
FROM reporting.sales
WHERE day >= @from AND (@region IS NULL OR region = @region)
GROUP BY region ORDER BY region
