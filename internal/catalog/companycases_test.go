package catalog_test

var companyFileCases = []faultCase{
	{
		`rate: {count: 10}
users:
  erp: { rate: 10/1ms }
  crm: { rate: 100/1m burst 0 }
`,
		[]string{
			"1:7: rate must be written COUNT/PERIOD such as 100/1m or 5/1s, with `burst N` behind it where " +
				"fewer or more than COUNT may come at once, such as 100/1m burst 20; or unlimited; got a map",
			`3:16: users.erp.rate: 10/1ms has a period of 1ms: it must be whole seconds, from 1s to 24h`,
			`4:16: users.crm.rate: 100/1m burst 0 has a burst of 0: it must lie between 1 and 1000000`,
		},
	},
	{
		`quota: 100/d
key_quota: []
users:
  erp: { quota: [100 calls/1d, 5 calls/1d, {count: 1}, 0 rows/1h] }
  crm: { key_quota: 5 calls/2d }
`,
		[]string{
			`1:8: quota: 100/d must be written COUNT calls/PERIOD or COUNT rows/PERIOD, where the period is 1h, 1d or 1mo, such as ` +
				`100000 calls/1d; or unlimited; did you mean 100 calls/1d?`,
			`2:12: key_quota must list at least one quota; leave it out for none`,
			`4:32: users.erp.quota: 5 calls/1d is given beside 100 calls/1d: there can be one quota of calls/1d`,
			`4:44: users.erp.quota must be written COUNT calls/PERIOD or COUNT rows/PERIOD, where the period is 1h, 1d or 1mo, such as ` +
				`100000 calls/1d; or unlimited; got a map`,
			`4:56: users.erp.quota: 0 rows/1h has a count of 0: it must lie between 1 and 1000000000000`,
			`5:21: users.crm.key_quota: 5 calls/2d must be written COUNT calls/PERIOD or COUNT rows/PERIOD, where the period is ` +
				`1h, 1d or 1mo, such as 100000 calls/1d; or unlimited`,
		},
	},
	{
		`callbacks: { hosts: [hooks.example.com, "https://x.com", "a.com:443", "*"], url: x }
`,
		[]string{
			`1:41: callbacks.hosts: "https://x.com" must be a host name or address without a port, such as hooks.example.com, or *. and a domain for all names below it; did you mean x.com?`,
			`1:58: callbacks.hosts: "a.com:443" must be a host name or address without a port, such as hooks.example.com, or *. and a domain for all names below it; did you mean a.com?`,
			`1:71: callbacks.hosts: "*" must be a host name or address without a port, such as hooks.example.com, or *. and a domain for all names below it`,
			`1:77: in callbacks: unknown key "url"; allowed are hosts`,
		},
	},
	{
		`users:
  a: { subject: "x" }
  b: { subject: x }
  c: { subject: d }
  d: {}
  e: { subject: "" }
  f: { subject: [x] }
  g: { subject: "a\tb" }
`,
		[]string{
			`3:3: users.b: trusted issuers call the user "x", as they do the user a; a subject, or the name of a user without one, must be unique`,
			`5:3: users.d: trusted issuers call the user "d", as they do the user c; a subject, or the name of a user without one, must be unique`,
			`6:17: users.e.subject must have 1 to 255 bytes, without control characters`,
			`7:17: users.f.subject must be text; got a list`,
			`8:17: users.g.subject must have 1 to 255 bytes, without control characters`,
		},
	},
	{
		`callbacks: { hosts: [] }
`,
		[]string{
			`1:21: callbacks.hosts must list at least one host; leave it out to allow every public host`,
		},
	},
	{
		`nam: x
users:
  ERP: {}
  erp: { policies: [DataApiConsumer, 3, Nope], share_contex: {} , active: 1}
  x: [a]
  y: { policies: P }
policies:
  DataAPIConsumer: { grants: [] }
  'a b': {}
  P: { grants: [{actions: [data_api:run], endpoints: []}, {endpoints: [x, 5, '*', "default/*"]}, 5 ] }
`,
		[]string{
			`1:1: unknown key "nam"; did you mean name? Allowed are name, active, rate, quota, key_quota, users, policies, callbacks`,
			`3:3: users: the name "ERP" must be 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit; did you mean erp?`,
			`4:21: users.erp.policies names the unknown policy "DataApiConsumer"; did you mean DataAPIConsumer? Allowed are DataAPIConsumer, VisualizationViewer, VisualizationManager, CompanyAdministrator, P`,
			`4:38: users.erp.policies names the unknown policy "3"; allowed are DataAPIConsumer, VisualizationViewer, VisualizationManager, CompanyAdministrator, P`,
			`4:41: users.erp.policies names the unknown policy "Nope"; allowed are DataAPIConsumer, VisualizationViewer, VisualizationManager, CompanyAdministrator, P`,
			`4:48: in users.erp: unknown key "share_contex"; did you mean share_context? Allowed are name, active, rate, quota, key_quota, subject, basic, policies, share_context`,
			`4:75: users.erp.active must be true or false; got 1; did you mean true?`,
			`5:6: users.x must be a map of keys and values; got a list`,
			`6:18: users.y.policies must be a list such as [P]; got P`,
			`8:3: policies.DataAPIConsumer.grants must list at least one grant, such as {actions: [data_api:execute], endpoints: [default/*]}`,
			`8:3: policies: DataAPIConsumer is a managed policy that every company has; choose another name`,
			`9:3: policies.a b.grants must list at least one grant, such as {actions: [data_api:execute], endpoints: [default/*]}`,
			`9:3: policies: the name "a b" must be 1 to 63 letters, digits, hyphens and underscores, beginning with a letter`,
			`10:28: policies.P.grants.actions names the unknown action "data_api:run"; allowed are data_api:execute, data_api:get_job, data_api:cancel_job, data_api:create_link, data_api:get_usage, visualization:view, visualization:edit, access:manage`,
			`10:54: policies.P.grants.endpoints must list at least one pattern; leave it out to allow every endpoint`,
			`10:59: policies.P.grants.actions must list at least one action; allowed are data_api:execute, data_api:get_job, data_api:cancel_job, data_api:create_link, data_api:get_usage, visualization:view, visualization:edit, access:manage`,
			`10:72: policies.P.grants.endpoints: "x" is not an endpoint pattern; allowed is * for every endpoint, or namespace/slug where either part may end in * such as default/*, default/vendas-* or */vendas-por-regiao`,
			`10:75: policies.P.grants.endpoints: "5" is not an endpoint pattern; allowed is * for every endpoint, or namespace/slug where either part may end in * such as default/*, default/vendas-* or */vendas-por-regiao`,
			`10:98: policies.P.grants must be a map of keys and values; got 5`,
		},
	},
	{
		`- a
`,
		[]string{
			`1:1: the YAML must be a map of keys and values; got a list`,
		},
	},
	{
		`users: { erp: { share_context: { regiaoo: Sul, nope: 1, n: x } } }
`,
		[]string{
			`1:34: users.erp.share_context constrains "regiaoo", which is a parameter of no endpoint of company acme, nor of one shared with it; did you mean regiao?`,
			`1:48: users.erp.share_context constrains "nope", which is a parameter of no endpoint of company acme, nor of one shared with it`,
			`1:60: users.erp.share_context: n must be an integer, written without quotes; got "x" (endpoint acme/default/s)`,
		},
	},
}
