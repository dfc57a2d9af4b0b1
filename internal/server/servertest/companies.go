package servertest

// TwoCompaniesTable is a table of which acme's endpoints read different columns, and a company with whom one of them is shared.
const TwoCompaniesTable = `CREATE TABLE orders (id int, city text, total numeric(10,2)); INSERT INTO orders VALUES (1, 'Recife', 10.50);
	GRANT SELECT ON orders TO data_api_reader`

// TwoCompanies is the catalog.
func TwoCompanies() map[string]string {
	endpoint := func(header, statement string) string { return "/*---\nsource: main\n" + header + "---*/\n" + statement }
	return map[string]string{
		"acme/company.yaml":        CompanyFile,
		"acme/default/ids.sql":     endpoint("", "SELECT id FROM orders"),
		"acme/default/totals.sql":  endpoint("", "SELECT id, total FROM orders"),
		"acme/default/shared.sql":  endpoint("params: { city: { type: string } }\nshare: { globex: {} }\n", "SELECT id FROM orders WHERE city = @city"),
		"globex/company.yaml":      "users:\n  bi: { policies: [DataAPIConsumer], share_context: { city: Recife } }\n  erp: { policies: [DataAPIConsumer] }\n",
		"globex/default/whole.sql": endpoint("", "SELECT * FROM orders"),
	}
}
