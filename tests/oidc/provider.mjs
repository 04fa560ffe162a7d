// An OpenID provider that tests sign in at: `node provider.mjs '{"port": …, "redirect": …, "late_s": 0}'`, started where `oidc-provider`
// is installed. It says `ready` when it listens, on the loopback alone. Whoever signs in there is who they say they are, without a password.

import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { port, redirect, late_s: late } = JSON.parse(process.argv[2]);

// A clock that is late makes tokens that are over before they arrive.
const now = Date.now;
Date.now = () => now() - late * 1000;

const require = createRequire(`${process.cwd()}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const people = {
  anna: { email: 'anna@example.com', email_verified: true, groups: ['platform', 'everybody'] },
  ben: { email: 'ben@example.com', email_verified: false, preferred_username: 'ben', groups: ['on-call', 'everybody'] },
  cleo: { groups: ['everybody'] },
  dora: { groups: [] },
};

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const day = 86_400;
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'overtime', client_secret: 'a secret of two', redirect_uris: [redirect] },
    { client_id: 'overtime-public', token_endpoint_auth_method: 'none', redirect_uris: [redirect] },
  ],
  claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: `${process.pid}` }] },
  cookies: { keys: ['nobody keeps it'] },
  pkce: { required: () => true },
  // Browsers go by their own clock, so what they keep must outlast the lateness of this one.
  ttl: { Interaction: day, Session: day, Grant: day, IdToken: 3600 },
});

provider.listen(port, '127.0.0.1', () => process.stdout.write('ready\n'));
