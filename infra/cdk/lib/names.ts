/**
 * Names that the aggregator's code relies on, and the defaults of the deployment.
 *
 * The keys and indexes are those of `aggregator/src/store/schema.rs`; the settings are those that the doors read. The table in
 * `infra/README.md` shows the defaults, and every tool that deploys Overtime has the same.
 */

/** The doors of the aggregator: one binary, five functions. */
export const DOORS = ['ingest', 'evaluate', 'deliver', 'sweep', 'console'] as const;
export type DoorName = (typeof DOORS)[number];

/** Attributes and indexes of the tables. */
export const KEYS = { partition: 'pk', sort: 'sk', expires: 'x' } as const;

export const INDEXES = [
  { name: 'by_deadline', partition: 'day', sort: 'at', sortType: 'S', projection: 'ALL' },
  { name: 'by_function', partition: 'fday', sort: 'at', sortType: 'S', projection: 'ALL' },
  { name: 'by_due', partition: 'queue', sort: 'due', sortType: 'N', projection: 'KEYS_ONLY' },
] as const;

/** How the sort keys of facts begin; the stream's two mappings are told apart by it. */
export const PREFIXES = { verdict: 'V#', tally: 'T#' } as const;

/**
 * How the partitions of state begin that a door writes; it may write no others. Evaluate and sweep also evaluate what the other
 * has put off. Deliver counts what a channel gets and an OpenTelemetry receiver is told (`N#`), puts what does not fit into digests, and disables a channel that is
 * gone (`K#`); sweep writes the first configuration and the fleet's totals (`T#`).
 */
const EVALUATED = ['A#*', 'B#*', 'D#*', 'E#*', 'G#*', 'H#*', 'L#*', 'O#*', 'P#*', 'S#*', 'V#*', 'W#*'] as const;
export const WRITES: Readonly<Record<DoorName, readonly string[]>> = {
  ingest: ['R#*'],
  evaluate: EVALUATED,
  deliver: ['K#*', 'N#*', 'O#*'],
  sweep: [...EVALUATED, 'K#*', 'T#*'],
  console: ['K#*', 'O#*'],
};

/** How one door is dimensioned. */
export interface DoorSize {
  /** Megabytes; processor time goes with them. */
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /**
   * Reserved concurrency: as many at once are kept for this door, and no more are given to it, so that a flood at one door
   * cannot starve another. `null` reserves nothing.
   */
  readonly concurrency: number | null;
}

export const SIZES: Readonly<Record<DoorName, DoorSize>> = {
  ingest: { memoryMb: 256, timeoutSeconds: 10, concurrency: 100 },
  evaluate: { memoryMb: 512, timeoutSeconds: 60, concurrency: 50 },
  deliver: { memoryMb: 256, timeoutSeconds: 60, concurrency: 10 },
  sweep: { memoryMb: 256, timeoutSeconds: 55, concurrency: 1 },
  console: { memoryMb: 512, timeoutSeconds: 15, concurrency: 10 },
};

export const DEFAULTS = {
  architecture: 'arm64',
  logRetentionDays: 30,
  /** How long ordinary counts are gathered before one evaluation, seconds. */
  tallyWindowSeconds: 60,
  /** How many times a message is tried before it counts as a dead letter. */
  attempts: 5,
  deadLetterDays: 14,
  /** What the extension's environment variables are called: see the repository's README. */
  settings: {
    url: 'OVERTIME_URL',
    signingRegion: 'OVERTIME_SIGNING_REGION',
    flushInterval: 'OVERTIME_FLUSH_INTERVAL',
    nearTimeout: 'OVERTIME_NEAR_TIMEOUT',
    logTail: 'OVERTIME_LOG_TAIL',
    logRedact: 'OVERTIME_LOG_REDACT',
    logs: 'OVERTIME_LOGS',
    logsS3: 'OVERTIME_LOGS_S3',
    tags: 'OVERTIME_TAGS',
  },
  /** The tag that keeps a function unwatched, with this value. */
  optOut: { tag: 'overtime', value: 'off' },
} as const;

/** The zips that `infra/build` makes. */
export type ArchitectureName = 'x86_64' | 'arm64';
export const zips = {
  extension: (architecture: ArchitectureName) => `overtime-extension-${architecture}.zip`,
  aggregator: (architecture: ArchitectureName) => `overtime-${architecture}.zip`,
};
