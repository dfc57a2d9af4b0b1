/*---
title: Relatório mensal
description: |
  Vendas de um mês por região: vendas, clientes, total, ticket médio e a concentração da receita entre os clientes.
  A concentração é o índice de Gini: 0 quando todos os clientes gastam o mesmo, perto de 1 quando um só gasta tudo.
  O índice compara cada cliente de uma região com todos os outros, milhões de pares: por isso o relatório é
  assíncrono e leva alguns segundos.
source: demo
mode: async
params:
  mes:
    type: string
    description: O mês, como AAAA-MM. Há vendas de 2025-01 a 2026-03.
    required: true
    pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$'
    example: 2026-03
limits: { timeout: 2m, max_rows: 100 }
columns:
  regiao: { type: varchar }
  vendas: { type: bigint }
  clientes: { type: bigint }
  total: { type: decimal, scale: 2 }
  ticket: { type: decimal, scale: 2 }
  gini: { type: decimal, scale: 4 }
---*/
WITH
  por_cliente AS MATERIALIZED (
    SELECT regiao, cliente_id, COUNT(*) AS vendas, SUM(valor_centavos) AS centavos
    FROM vendas
    WHERE data >= @mes || '-01' AND data < date(@mes || '-01', '+1 month')
    GROUP BY regiao, cliente_id
  ),
  por_regiao AS (
    SELECT regiao, SUM(vendas) AS vendas, COUNT(*) AS clientes, SUM(centavos) AS centavos
    FROM por_cliente
    GROUP BY regiao
  ),
  diferencas AS (
    SELECT um.regiao, SUM(ABS(um.centavos - outro.centavos)) AS centavos
    FROM por_cliente AS um
    JOIN por_cliente AS outro ON outro.regiao = um.regiao
    GROUP BY um.regiao
  )
SELECT
  r.regiao,
  r.vendas,
  r.clientes,
  r.centavos / 100.0 AS total,
  r.centavos / 100.0 / r.vendas AS ticket,
  d.centavos / (2.0 * r.clientes * r.centavos) AS gini
FROM por_regiao AS r
JOIN diferencas AS d ON d.regiao = r.regiao
ORDER BY r.regiao
