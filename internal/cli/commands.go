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
	makeConsoleLink,
	showSecret.with(rotateSecret),
	{
		use: "jobs", short: "Lists, shows and cancels jobs of all companies",
		commands: []command{listJobs, showJob, cancelJob},
	},
	{
		use: "deliveries", short: "Lists callbacks, and makes those that were given up once more",
		commands: []command{listDeliveries, replayDeliveries},
	},
	{
		use: "store", short: "Backs the store up, checks and restores it, gives its free space back, and makes or checks its schema",
		commands: []command{backupStore, checkStore, restoreStore, compactStore, migrateStore},
	},
	{use: "sources", short: "Looks after the connections to databases", commands: []command{reconnectSources}},
	{use: "cache", short: "Looks after the results that a running server keeps in memory", commands: []command{purgeCache}},
	checkCatalog,
	askHealth,
	status,
	showUsage,
	printOpenAPI,
}
