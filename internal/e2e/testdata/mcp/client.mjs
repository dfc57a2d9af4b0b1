// Calls the server as agents do: node client.mjs ORIGIN TOKEN TOKEN_OF_ANOTHER_USER API_KEY API_SECRET, with the client of either major
// version.
import { Client as Old } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ClientCredentialsProvider as OldCredentials } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const [origin, token, other, clientId, clientSecret] = process.argv.slice(2)
const me = { name: 'test', version: '1' }

const majors = {
  1: async (path, bearer) => {
    const client = new Old(me)
    await client.connect(new OldTransport(new URL(origin + path), { requestInit: { headers: { Authorization: `Bearer ${bearer}` } } }))
    return client
  },
  2: async (path, bearer) => {
    const client = new Client(me, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
    await client.connect(new StreamableHTTPClientTransport(new URL(origin + path), { requestInit: { headers: { Authorization: `Bearer ${bearer}` } } }))
    return client
  },
}

const seen = {}
for (const [major, connect] of Object.entries(majors)) {
  const client = await connect('/mcp', token)
  const tools = (await client.listTools()).tools
  const call = (name, args = {}) => client.callTool({ name, arguments: args })
  const began = (await call('default__slow-compute', { seconds: 1, label: 'x' })).structuredContent
  let job
  do {
    job = (await call('get_job', { endpoint: began.endpoint, job_id: began.job_id, wait_seconds: 10 })).structuredContent
  } while (job.status === 'processing')
  const failed = await call('default__test-error-handling')
  const whole = await call('default__million')
  seen[major] = {
    tools: tools.map((tool) => tool.name),
    others: (await (await connect('/mcp', other)).listTools()).tools.map((tool) => tool.name),
    narrow: (await (await connect('/mcp/sales', token)).listTools()).tools.map((tool) => tool.name),
    readOnly: tools.every((tool) => tool.annotations?.readOnlyHint === true),
    greeting: (await call('default__greet', { name: 'Zoë' })).structuredContent.rows,
    refused: (await call('default__greet', { nome: 'Zoë' })).content[0].text,
    failed: failed.isError,
    job: job.rows,
    million: whole.structuredContent,
    size: whole.content[0].text.length,
  }
  await client.close()
}

// Who presents nothing finds the authorization server by the answer.
for (const [major, authorize] of Object.entries({
  1: await import('@modelcontextprotocol/sdk/client/auth.js'),
  2: await import('@modelcontextprotocol/client'),
})) {
  const refused = await fetch(origin + '/mcp', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  const { resourceMetadataUrl } = authorize.extractWWWAuthenticateParams(refused)
  const metadata = await authorize.discoverOAuthProtectedResourceMetadata(origin + '/mcp', { resourceMetadataUrl })
  // A program with a key needs the URL and the key alone: the client finds out where tokens are had.
  const mine = { clientId, clientSecret, expectedIssuer: origin }
  const [client, transport] =
    major === '1'
      ? [new Old(me), new OldTransport(new URL(origin + '/mcp'), { authProvider: new OldCredentials(mine) })]
      : [new Client(me), new StreamableHTTPClientTransport(new URL(origin + '/mcp'), { authProvider: new ClientCredentialsProvider(mine) })]
  await client.connect(transport)
  seen[major].byKey = (await client.listTools()).tools.map((tool) => tool.name)
  await client.close()
  seen[major].metadata = { status: refused.status, url: String(resourceMetadataUrl), resource: metadata.resource, servers: metadata.authorization_servers }
}
console.log(JSON.stringify(seen))
