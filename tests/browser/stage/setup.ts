// Sets the stage once for all tests: fleets told to real servers, each then played on by a server of its own.
//
//   small fleet, told over HTTP in two days of steps ──copied──▶ fleet (only looked at), desk (changed), based (below a path),
//                                                             guarded (whoever comes must sign in),
//                                                             stale (an hour later, and nothing was heard since)
//   ten thousand functions, written by the code that makes the items ──▶ crowd
//   nothing ──▶ empty

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ARTEFACTS, CROWD_NOON, NOON, program } from './places.ts';
import { Receiver } from './receiver.ts';
import { Server, type Settings } from './server.ts';

// Whoever sets the stage may fail, and then what it has started must not go on.
const { signal, abort } = (() => {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
})();
const run = (file: string, given: string[], env = process.env) => promisify(execFile)(file, given, { signal, env });
// Stands when both fleets are whole. With KEEP_FLEETS=1 the next run takes them as they are, which saves a developer minutes.
const WHOLE = join(ARTEFACTS, 'data', 'whole');

export type Role = 'viewer' | 'operator' | 'admin';

// Addresses of everything, by name; workers read them from the environment.
export interface Stage {
  fleet: string;
  desk: string;
  based: string;
  stale: string;
  crowd: string;
  empty: string;
  receiver: string;
  guarded: string;
  tokens: Record<Role, string>;
}

// What channels need: the loopback let through, and the key that their messages are signed with.
const CHANNELS = {
  OVERTIME_WEBHOOK_ALLOW: '127.0.0.0/8',
  OVERTIME_SECRET_HOOK: `whsec_${Buffer.from('a key that signs nothing of worth').toString('base64')}`,
};
const BASE = '/ops/overtime';
const HOUR_MS = 3_600_000;
// Views are held for a second: a server that goes on from here makes them anew.
const LATER = new Date(NOON.getTime() + 5_000);

export default async function setup(): Promise<() => Promise<void>> {
  const kept = Boolean(process.env.KEEP_FLEETS) && existsSync(WHOLE);
  for (const old of kept ? ['fleet', 'desk', 'based', 'guarded', 'stale', 'crowd', 'empty'] : ['']) {
    rmSync(join(ARTEFACTS, 'data', old), { recursive: true, force: true });
  }
  rmSync(join(ARTEFACTS, 'shots'), { recursive: true, force: true });
  mkdirSync(join(ARTEFACTS, 'data'), { recursive: true });
  const receiver = new Receiver();
  const receiving = await receiver.start();
  const servers: Server[] = [];
  const started = async (name: string, now: Date, from?: Server, settings: Settings = {}) => {
    const server = new Server(name, { ...CHANNELS, ...settings });
    if (from) server.copyFrom(from);
    servers.push(server);
    await server.start(now);
    await server.warm();
    return server.url;
  };
  const teardown = async () => {
    abort();
    await Promise.all(servers.map((it) => it.stop()));
    receiver.stop();
  };
  try {
    const small = new Server('told', CHANNELS);
    servers.push(small);
    const large = new Server('populated');
    if (!kept) {
      await Promise.all([tell(small, receiving), populate(large)]);
      writeFileSync(WHOLE, '');
    }
    const { tokens, setting } = await makeTokens();
    // One after the other: a server reads the whole fleet before it listens.
    const crowd = await started('crowd', new Date(CROWD_NOON.getTime() + 5_000), large);
    const fleet = await started('fleet', LATER, small);
    const desk = await started('desk', LATER, small);
    const based = await started('based', LATER, small, { OVERTIME_BASE_PATH: BASE });
    const guarded = await started('guarded', LATER, small, { OVERTIME_SIGN_IN: 'token', OVERTIME_TOKENS: setting });
    const stale = await started('stale', new Date(NOON.getTime() + HOUR_MS), small);
    const empty = await started('empty', LATER);
    const stage: Stage = { fleet, desk, based, guarded, stale, crowd, empty, receiver: receiving, tokens };
    process.env.OVERTIME_STAGE = JSON.stringify(stage);
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

// Two days of the small fleet, with somebody subscribed to it from their beginning, and a list of who should report.
async function tell(server: Server, receiver: string): Promise<void> {
  await server.start(new Date(NOON.getTime() - 48 * HOUR_MS));
  const file = readFileSync(join(import.meta.dirname, 'configuration.json'), 'utf8');
  const answer = await fetch(`${server.url}/api/v1/configuration`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'if-match': '*' },
    body: file.replaceAll('http://receiver', receiver),
  });
  if (!answer.ok) throw new Error(`the configuration was refused: ${await answer.text()}`);
  const told = ['--url', server.url, '--clock', server.clock, '--until', NOON.toISOString()];
  const { stdout } = await run(program('fixture'), told);
  process.stdout.write(`small fleet: ${stdout}`);
  const inventory = join(import.meta.dirname, 'inventory.json');
  await run(program('overtime'), ['inventory', 'import', inventory, '--url', server.url], server.environment);
  await server.stop();
}

// Ten thousand functions in the day that an overview shows; a build that is not optimised has no time for more.
async function populate(server: Server): Promise<void> {
  const began = Date.now();
  await run(program('cost'), ['fill', '--functions', '10000', '--days', '1', '--data', server.data]);
  process.stdout.write(`large fleet: ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
}

// A token for each role, and the setting that knows them by their hashes.
async function makeTokens(): Promise<{ tokens: Record<Role, string>; setting: string }> {
  const tokens: Record<Role, string> = { viewer: '', operator: '', admin: '' };
  const parts: string[] = [];
  for (const role of Object.keys(tokens) as Role[]) {
    const { stdout } = await run(program('overtime'), ['token', '--name', `some-${role}`]);
    const [token, hash] = stdout.split('\n');
    tokens[role] = token ?? '';
    const file = join(ARTEFACTS, 'data', `${role}.hash`);
    writeFileSync(file, `${hash}\n`, { mode: 0o600 });
    parts.push(`${role}=file:${file}`);
  }
  return { tokens, setting: parts.join(',') };
}
