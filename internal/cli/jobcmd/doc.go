// Package jobcmd has the commands of jobs, and of the deliveries (callbacks) that tell of their ends. They are for operators, and reach
// the jobs of all companies.
//
// Each command asks the running server through Caddy's admin API. The package opens no store and runs no job: it knows the documents
// that package admin answers with, and prints them.
//
// Start reading in commands.go, which has the groups; each command is in a file of its own, such as jobs_list.go.
package jobcmd
