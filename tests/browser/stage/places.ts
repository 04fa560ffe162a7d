// Where things are, and when it is.

import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target');

// Screenshots, traces and the servers' data; nothing of it belongs into the repository.
export const ARTEFACTS = join(TARGET, 'browser');

// Cargo has built them for whoever runs this.
export const program = (name: 'overtime' | 'fixture' | 'cost') => join(TARGET, 'debug', name);

// A Tuesday at noon: when the small fleet's two days end.
export const NOON = new Date('2026-11-24T12:00:00Z');
// When the large fleet's thirty days end, as `cargo cost` has it.
export const CROWD_NOON = new Date('2026-11-01T12:00:00Z');
