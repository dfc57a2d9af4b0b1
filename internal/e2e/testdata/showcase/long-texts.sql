/*---
title: A report whose title somebody has written as a whole sentence, with every detail of what it answers and for whom
description: "Cells of many kinds: long ones, some that read from right to left, and some that are empty. Averyveryveryveryverylongwordthatnobodyhasthoughtofandthatdoesnotfitintoanyline."
source: main
columns:
  id: { type: bigint, description: "More digits than a double holds." }
  amount: { type: decimal, scale: 2 }
  doc: { type: json }
  at: { type: timestamptz }
---*/
SELECT 9007199254740993 + n AS id, printf('%d.20', n * 1250) AS amount,
  CASE n WHEN 1 THEN 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua.'
    WHEN 2 THEN 'تقرير المبيعات حسب المنطقة' WHEN 3 THEN NULL ELSE '' END AS a_column_with_quite_a_long_name,
  '{"city": "São Paulo", "ids": [9007199254740993, 1.20], "ok": true}' AS doc, '2026-03-0' || n || 'T10:30:00Z' AS at, name
FROM numbers ORDER BY n
