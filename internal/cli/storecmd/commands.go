package storecmd

import "github.com/solucao42/caddy-data-api/internal/cli/command"

// Store is the group of commands.
var Store = command.Command{
	Use: "store", Short: "Backs the store up, checks, restores and moves it, gives its free space back, and makes or checks its schema",
	Below: []command.Command{backupStore, checkStore, restoreStore, compactStore, copyStore, migrateStore},
}
