// Runs a service in one process, or in as many as BENCH_PROCESSES says, which share its port.
import cluster from 'node:cluster'

export function serve(start) {
	const processes = Number(process.env.BENCH_PROCESSES)
	if (processes > 1 && cluster.isPrimary) {
		// The workers end when the primary does: their channel to it closes.
		for (let i = 0; i < processes; i++) cluster.fork()
		return
	}
	start(Number(process.env.BENCH_PORT)).catch((error) => {
		console.error(error)
		process.exit(1)
	})
}
