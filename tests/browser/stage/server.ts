// `overtime serve`, as it is, whose clock is a file: libfaketime tells it the time that stands there, and nothing else of it is
// different from anybody's. Time stands still until somebody moves it; waits go on as ever, because the monotonic clock is real.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ARTEFACTS, program } from './places.ts';

export type Settings = Record<string, string>;

// How long a start, or an end, may take on a busy machine.
const PATIENCE_MS = 60_000;

function libfaketime(): string {
  for (const folder of readdirSync('/usr/lib')) {
    const file = join('/usr/lib', folder, 'faketime/libfaketimeMT.so.1');
    if (existsSync(file)) return file;
  }
  throw new Error('libfaketime is not installed (Debian: apt-get install libfaketime)');
}

export class Server {
  private child: ChildProcess | undefined;
  private said = '';
  url = '';

  constructor(
    readonly name: string,
    private readonly settings: Settings = {},
  ) {
    mkdirSync(this.data, { recursive: true });
  }

  get data(): string {
    return join(ARTEFACTS, 'data', this.name);
  }

  get clock(): string {
    return clockOf(this.name);
  }

  // In which programs have its time.
  get environment(): NodeJS.ProcessEnv {
    return {
      ...clean(process.env),
      LD_PRELOAD: libfaketime(),
      FAKETIME_TIMESTAMP_FILE: this.clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
      NO_FAKE_STAT: '1',
      TZ: 'UTC',
    };
  }

  // Starts it on a port that is free, and waits until it says which.
  async start(now: Date): Promise<void> {
    setClock(this.name, now);
    const child = spawn(program('overtime'), ['serve', '--listen', '127.0.0.1:0', '--data', this.data], {
      env: { ...this.environment, OVERTIME_TALLY_DELAY: '0s', OVERTIME_LOG: 'warn', ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stderr.on('data', (text: Buffer) => {
      this.said = (this.said + text.toString()).slice(-20_000);
    });
    this.url = await new Promise<string>((ready, failed) => {
      const late = setTimeout(() => failed(new Error(`${this.name} did not start:\n${this.said}`)), PATIENCE_MS);
      child.on('exit', (code) => failed(new Error(`${this.name} ended with ${code}:\n${this.said}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
        if (url) {
          clearTimeout(late);
          ready(url);
        }
      });
    });
  }

  // Nobody's first look should be what a test waits for. Who is asked to sign in has been answered too.
  async warm(): Promise<void> {
    const latest = Date.now() + PATIENCE_MS;
    while (Date.now() < latest) {
      const answer = await fetch(this.url);
      await answer.arrayBuffer();
      if (answer.status < 500) return;
    }
    throw new Error(`${this.name} does not answer:\n${this.said}`);
  }

  async stop(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    await ended;
    clearTimeout(late);
    writeFileSync(join(ARTEFACTS, `${this.name}.log`), this.said);
  }

  // Another server's data, which must not be running.
  copyFrom(other: Server): void {
    execFileSync('cp', ['-a', `${other.data}/.`, this.data]);
  }
}

// Settings of whoever runs this are not part of the stage.
function clean(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('OVERTIME_')));
}

export const clockOf = (name: string) => join(ARTEFACTS, 'data', `${name}.clock`);

// Replaced whole: half of a time would be another one.
export function setClock(name: string, now: Date): void {
  const text = now.toISOString().replace('T', ' ').slice(0, 19);
  writeFileSync(`${clockOf(name)}.next`, `${text}\n`);
  renameSync(`${clockOf(name)}.next`, clockOf(name));
}
