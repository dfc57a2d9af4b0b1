/*---
title: Vendas por região
description: |
  Total vendido **por região** e mês, com o valor em reais e todas as casas decimais.

  - Os dados são atualizados a cada hora, do sistema de faturamento.
  - Meses sem vendas não aparecem: veja a tabela abaixo.

  | Região | Desde |
  |---|---|
  | Sul, Sudeste | 2019 |
  | Norte, Nordeste, Centro-Oeste | 2021 |

  Dúvidas: [o time de dados](https://example.com/dados), ou `#dados` no bate-papo.
source: main
params:
  data_inicio: { type: date, required: true, example: 2026-01-01, description: "Primeiro dia do período." }
  data_fim: { type: date, description: "Último dia do período; sem ele, até hoje." }
  regiao: { type: string, enum: [Norte, Nordeste, Centro-Oeste, Sudeste, Sul], description: "Somente esta região." }
  minimo: { type: decimal, minimum: 0, maximum: 1000000, default: 0 }
  cidades: { type: array<string>, max_items: 20, example: [Curitiba, Recife] }
  com_devolucoes: { type: boolean, default: false }
columns:
  mes: { type: date, description: "Primeiro dia do mês." }
  regiao: { type: varchar }
  total: { type: decimal, scale: 2, description: "Valor vendido, em reais, depois dos descontos e antes dos impostos." }
chart: { type: line, x: mes, y: [total], series: regiao }
limits: { timeout: 5s, max_rows: 1000 }
---*/
WITH RECURSIVE months (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM months WHERE i < 23)
SELECT date('2024-01-01', '+' || i || ' months') AS mes, region.column1 AS regiao,
  printf('%.2f', 40000 + ((i * 7919 + region.column2 * 104729) % 25000) + i * 900 * region.column2) AS total
FROM months, (VALUES ('Norte', 1), ('Nordeste', 2), ('Centro-Oeste', 3), ('Sudeste', 4), ('Sul', 5)) AS region
WHERE date('2024-01-01', '+' || i || ' months') >= coalesce(@data_inicio, '') OR @data_fim IS NULL OR @minimo = 0
  OR region.column1 = @regiao OR @com_devolucoes OR region.column1 IN (SELECT value FROM json_each(@cidades))
ORDER BY mes, regiao
