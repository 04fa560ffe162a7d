// A function to watch: with `{"hang": true}` it takes longer than it may.
import { setTimeout } from 'node:timers/promises';

export const handler = async (event) => {
  if (event.hang) await setTimeout(10_000);
  return { ok: true };
};
