/*---
title: Vendas por região
description: Total vendido por região a partir de uma data, de todas as regiões ou de uma só.
source: demo
mode: sync
params:
  data_inicio:
    type: date
    description: O primeiro dia que conta. Há vendas de 2025-01-01 a 2026-03-31.
    required: true
    example: 2026-01-01
  regiao:
    type: string
    description: Uma região só. Sem ela, todas.
    enum: [Centro-Oeste, Nordeste, Norte, Sudeste, Sul]
    example: Sul
limits: { timeout: 5s }
columns:
  regiao: { type: varchar }
  total: { type: decimal, scale: 2 }
---*/
SELECT regiao, SUM(valor_centavos) / 100.0 AS total
FROM vendas
WHERE data >= @data_inicio AND (@regiao IS NULL OR regiao = @regiao)
GROUP BY regiao
ORDER BY regiao
