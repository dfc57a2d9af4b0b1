package jobcmd

import "github.com/solucao42/caddy-data-api/internal/cli/command"

// The groups of commands.
var (
	Jobs = command.Command{
		Use: "jobs", Short: "Lists, shows and cancels jobs of all companies",
		Below: []command.Command{listJobs, showJob, cancelJob},
	}
	Deliveries = command.Command{
		Use: "deliveries", Short: "Lists callbacks, and makes those that were given up once more",
		Below: []command.Command{listDeliveries, replayDeliveries},
	}
)
