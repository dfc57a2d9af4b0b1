// PostGraphile 5 over the same tables, with the token checked for each request.
import { createServer } from 'node:http'
import jwt from 'jsonwebtoken'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { grafserv } from 'postgraphile/grafserv/node'
import { pool } from './database.js'

const preset = {
	extends: [PostGraphileAmberPreset],
	pgServices: [makePgService({ pool, schemas: ['public'] })],
	grafserv: { graphiql: false, watch: false, graphqlPath: '/graphql', maxRequestLength: 100000 },
	grafast: {
		context(request) {
			const header = request.node?.req.headers.authorization ?? ''
			return { claims: jwt.verify(header.replace(/^Bearer /, ''), process.env.BENCH_SECRET, { algorithms: ['HS256'] }) }
		},
	},
}

const server = createServer()
const instance = grafserv({ preset, schema: (await postgraphile(preset).getSchemaResult()).schema })
await instance.addTo(server)
server.listen(Number(process.env.BENCH_PORT), '127.0.0.1')
