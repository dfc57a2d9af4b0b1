"""Reads a CSV as pandas does, with what Python brings: read.py URL TOKEN."""
import csv, decimal, io, json, sys, urllib.request

url, token = sys.argv[1:]
request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
with urllib.request.urlopen(request) as response:
    rows = list(csv.DictReader(io.TextIOWrapper(response, encoding="utf-8", newline="")))
    kind = response.headers.get_content_type()
print(json.dumps({
    "kind": kind, "count": len(rows), "first": rows[0],
    "total": str(sum(decimal.Decimal(row["total"]) for row in rows)), "empty": sum(row["razao"] == "" for row in rows),
}))
