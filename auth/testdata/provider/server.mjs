// A certified OpenID provider for tests, on a free port of this machine. The
// first line of its output is its issuer. It ends with its standard input.
//
// Clients register themselves (OpenID Connect Dynamic Client Registration). Who
// exists, and with which claims, a test says with PUT /accounts/NAME; which roles
// the access tokens of a client have, with PUT /clients/ID.

import { once } from 'node:events'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

console.info = console.error // the output is for the issuer alone

const accounts = new Map()
const clients = new Map()

const server = createServer((req, res) => handle(req, res))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new Provider(issuer, {
  claims: {
    openid: ['sub', 'sid'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    roles: ['roles', 'realm_access'],
  },
  scopes: ['openid', 'profile', 'email', 'roles', 'offline_access'],
  extraTokenClaims: (_, token) => clients.get(token.clientId),
  // Whether it gives refresh tokens, the client's registration says.
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    clientCredentials: { enabled: true },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, resource) => ({
        scope: 'api',
        audience: resource.slice('https://'.length),
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  findAccount: (_, id) =>
    accounts.has(id) ? { accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) } : undefined,
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  // Nobody is asked for consent.
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope('openid profile email roles offline_access')
    await grant.save()
    return grant
  },
  // Its own way refuses addresses of this machine, where the tests' gateways are.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  cookies: { keys: ['only for tests'] },
  ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 3600, RefreshToken: 3600, IdToken: 3600, ClientCredentials: 600 },
})
provider.on('backchannel.error', (_, error) => console.error(error))
provider.on('server_error', (_, error) => console.error(error))
const callback = provider.callback()

async function handle(req, res) {
  try {
    const { pathname } = new URL(req.url, issuer)
    const [, root, id] = pathname.split('/')
    if (root === 'interaction') await signIn(req, res)
    else if ((root === 'accounts' || root === 'clients') && req.method === 'PUT') {
      const claims = JSON.parse(await text(req))
      const all = root === 'accounts' ? accounts : clients
      if (claims) all.set(decodeURIComponent(id), claims)
      else all.delete(decodeURIComponent(id))
      res.writeHead(204).end()
    } else await callback(req, res)
  } catch (error) {
    console.error(error)
    if (!res.headersSent) res.writeHead(500)
    res.end(String(error))
  }
}

// signIn asks for a name and believes it.
async function signIn(req, res) {
  if (req.method !== 'POST') {
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    res.end(`<!doctype html><html lang="en"><title>Provider</title><h1>Provider</h1>
      <form method="post"><label>Name <input name="name" autofocus></label>
      <button>Continue</button> <button name="deny" value="yes">Deny</button></form></html>`)
    return
  }
  const form = new URLSearchParams(await text(req))
  const result =
    form.get('deny') === 'yes'
      ? { error: 'access_denied', error_description: 'the person said no' }
      : { login: { accountId: form.get('name') } }
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false })
}

async function text(req) {
  let all = ''
  for await (const chunk of req) all += chunk
  return all
}

process.stdin.resume().on('end', () => process.exit())
console.log(issuer)
