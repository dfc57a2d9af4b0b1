package cli

// commands are all commands, in the order in which the usage names them.
var commands = []command{
	{
		use: "keys", short: "Makes, lists, rotates and revokes API keys",
		commands: []command{createKey, listKeys, rotateKey, revokeKey},
	},
	{
		use: "signing-keys", short: "Lists, rotates and withdraws the keys that sign tokens",
		commands: []command{listSigningKeys, rotateSigningKey, withdrawSigningKey},
	},
	showSecret.with(rotateSecret),
	{
		use: "deliveries", short: "Lists callbacks, and makes those that were given up once more",
		commands: []command{listDeliveries, replayDeliveries},
	},
	{use: "store", short: "Cares for the store", commands: []command{compactStore, migrateStore}},
	{use: "cache", short: "Looks after the results that a running server keeps in memory", commands: []command{purgeCache}},
	checkCatalog,
	status,
	showUsage,
	printOpenAPI,
}
