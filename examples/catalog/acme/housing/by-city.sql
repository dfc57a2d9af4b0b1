/*---
title: One city, month by month
description: |
  The monthly figures of one Texas city, oldest first. A figure that was not reported is null.
source: demo
mode: sync
params:
  city:
    type: string
    description: City or market area, spelled as in the data, such as Austin or Bryan-College Station.
    required: true
    max_length: 40
    example: Austin
  from_year: { type: integer, description: First year., minimum: 2000, maximum: 2015, default: 2000 }
  to_year: { type: integer, description: Last year. 2015 ends in July., minimum: 2000, maximum: 2015, default: 2015 }
  reported_only: { type: boolean, description: Leave out months without sales figures., default: false }
limits: { timeout: 5s, max_rows: 200 }
columns:
  month: { type: date }
  sales: { type: integer }
  volume_usd: { type: bigint }
  median_usd: { type: integer }
  listings: { type: integer }
  inventory_months: { type: decimal, scale: 1 }
share:
  globex: { city: [Austin, Dallas, Houston] }
---*/
SELECT
  printf('%04d-%02d-01', year, month) AS month,
  sales,
  volume AS volume_usd,
  median AS median_usd,
  listings,
  inventory AS inventory_months
FROM txhousing
WHERE city = @city
  AND year BETWEEN @from_year AND @to_year
  AND (NOT @reported_only OR sales IS NOT NULL)
ORDER BY year, txhousing.month
