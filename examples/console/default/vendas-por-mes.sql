/*---
title: Vendas por mês
description: Total vendido por mês, de todas as regiões ou de uma só. Feito no console.
source: demo
params:
  regiao:
    type: string
    description: Uma região só. Sem ela, todas.
    enum: [Centro-Oeste, Nordeste, Norte, Sudeste, Sul]
    example: Sul
columns:
  mes: { type: varchar }
  total: { type: decimal, scale: 2 }
chart: { type: line, x: mes, y: [total] }
---*/
SELECT strftime('%Y-%m', data) AS mes, SUM(valor_centavos) / 100.0 AS total
FROM vendas
WHERE @regiao IS NULL OR regiao = @regiao
GROUP BY mes
ORDER BY mes
