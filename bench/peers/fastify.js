// The service that a team would write with Fastify: a token check, a schema for the body and for the answer (Fastify
// compiles the latter to a serializer), and one prepared statement.
import Fastify from 'fastify'
import jwt from '@fastify/jwt'
import { serve } from './processes.js'
import { run, slugs } from './database.js'

const column = { type: 'object', properties: { name: { type: 'string' }, type: { type: 'string' } } }

const rows = {
	point: { id: { type: 'integer' }, name: { type: 'string' }, balance: { type: 'number' } },
	other: {
		id: { type: 'integer' },
		name: { type: 'string' },
		price: { type: 'number' },
		day: { type: 'string' },
		changed_at: { type: 'string' },
		active: { type: 'boolean' },
	},
}

const answer = (slug) => ({
	type: 'object',
	properties: {
		columns: { type: 'array', items: column },
		rows: { type: 'array', items: { type: 'object', properties: rows[slug] ?? rows.other } },
		row_count: { type: 'integer' },
		truncated: { type: 'boolean' },
		max_rows: { type: 'integer' },
		executed_at: { type: 'string' },
	},
})

const body = {
	type: 'object',
	properties: { parameter_values: { type: 'object' } },
	required: ['parameter_values'],
}

serve(async (port) => {
	const app = Fastify()
	await app.register(jwt, { secret: process.env.BENCH_SECRET, verify: { algorithms: ['HS256'] } })
	for (const slug of slugs) {
		app.post(`/api/v1/data-api/default/${slug}/execute`, {
			schema: { body, response: { 200: answer(slug) } },
			onRequest: (request) => request.jwtVerify(),
		}, (request) => run(slug, request.body.parameter_values))
	}
	await app.listen({ port, host: '127.0.0.1' })
})
