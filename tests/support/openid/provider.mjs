// A real OpenID Connect provider, for the tests: provider.mjs PORT REDIRECT. Everybody may sign in there, by any
// password; it has verified all e-mail addresses but those that begin with `unverified`.
import Provider from 'oidc-provider'

const [port, redirect] = process.argv.slice(2)
const account = (id) => ({
  accountId: id,
  claims: () => ({ sub: id, email: id, email_verified: !id.startsWith('unverified') }),
})
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'ays',
      client_secret: 'of the client',
      redirect_uris: [redirect],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  findAccount: (_, id) => account(id),
  pkce: { required: () => true, methods: ['S256'] },
})
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
