/** Tasks in the states that the panel shows. */
import { crc32, deflateSync } from 'node:zlib';
import type { HistoryEntry, TaskRecord } from '../../../protocol/client-broker/tasks.ts';
import type { OutputLine, PanelState, ViewNode } from '../../../protocol/panel/messages.ts';

const START = Date.UTC(2026, 10, 24, 9, 30);

export function task(changes: Partial<TaskRecord> = {}): TaskRecord {
  return {
    id: '0193599e-7b80-7000-8000-000000000001',
    function: {
      id: '0193599e-7b80-7000-8000-00000000000f',
      name: 'examples/statistics/summary.ts#summarise',
      version: 3,
      digest: '4f3c'.repeat(16),
      kind: 'async',
    },
    endpoint: { id: '0193599e-7b80-7000-8000-00000000000e', name: 'laptop' },
    owner: { id: '0193599e-7b80-7000-8000-00000000000a', name: 'owner' },
    state: 'succeeded',
    attempt: 1,
    maxAttempts: 3,
    createdAt: START,
    startedAt: START + 180,
    endedAt: START + 1420,
    value: { type: 'application/json', size: 5321 },
    timings: { loadMs: 310, runMs: 850, agentMs: 1210 },
    ...changes,
  };
}

const leaf = (type: string, text: string): ViewNode => ({ kind: 'leaf', type, text });
const branch = (type: string, label: string, entries: Record<string, ViewNode>, omitted = 0): ViewNode => ({
  kind: 'branch',
  type,
  label,
  entries: Object.entries(entries).map(([key, value]) => ({ key, value })),
  omitted,
});

export const tree = branch('object', '{5}', {
  title: leaf('string', 'Monthly <b>means</b>'),
  count: leaf('number', '1204'),
  exact: leaf('boolean', 'true'),
  missing: leaf('null', 'null'),
  months: branch('array', '[120]', { 0: leaf('number', '3.1'), 1: leaf('number', '4.25') }, 118),
});

export const output: OutputLine[] = [
  { at: START + 200, stream: 'stdout', text: 'reading \u001b[32m3 files\u001b[0m\nreading' },
  { at: START + 260, stream: 'stdout', text: ' the fourth\n' },
  { at: START + 300, stream: 'stderr', text: 'row 17 has no date, skipped\n' },
  { at: START + 400, stream: 'item', text: '{ month: 1, mean: 3.1 }' },
];

const ranOnce: HistoryEntry[] = [
  { at: START, state: 'queued', attempt: 0 },
  { at: START + 120, state: 'leased', attempt: 1 },
  { at: START + 180, state: 'running', attempt: 1 },
  { at: START + 1420, state: 'succeeded', attempt: 1 },
];

const lostOnce: HistoryEntry[] = [
  { at: START, state: 'queued', attempt: 0 },
  { at: START + 120, state: 'leased', attempt: 1 },
  { at: START + 180, state: 'running', attempt: 1 },
  { at: START + 45_180, state: 'queued', attempt: 1, reason: 'Endpoint laptop was not heard of any more.' },
  { at: START + 46_190, state: 'leased', attempt: 2 },
  { at: START + 46_290, state: 'running', attempt: 2 },
  { at: START + 3_700_000, state: 'lost', attempt: 2, reason: 'Endpoint laptop was not heard of any more.' },
];

export const states = {
  value: { task: task(), value: { tree, size: 5321 }, history: ranOnce, earlier: 0, output },
  table: {
    task: task(),
    value: {
      tree,
      view: {
        kind: 'table',
        columns: ['city', 'people', 'share'],
        rows: [
          ['Delft', '106184', '0.31'],
          ['Leiden', '127046', '0.37'],
          ['<script>alert(1)</script>', '108577', '0.32'],
        ],
        omitted: 997,
      },
      size: 48_200,
      cut: 'The value is 48 kB; only a part of it is shown. Save it to have all of it.',
    },
    history: ranOnce,
    earlier: 0,
    output: [],
  },
  plot: {
    task: task(),
    value: {
      tree,
      view: {
        kind: 'plot',
        y: Array.from({ length: 400 }, (_, i) =>
          i > 200 && i < 215 ? Number.NaN : Math.sin(i / 22) * Math.exp(-i / 300) * 3,
        ),
        length: 20_000,
      },
      size: 160_000,
    },
    history: ranOnce,
    earlier: 0,
    output: [],
  },
  image: {
    task: task(),
    value: { tree, view: { kind: 'image', mime: 'image/png', base64: png() }, size: 900 },
    history: ranOnce,
    earlier: 0,
    output: [],
  },
  failed: {
    task: task({
      state: 'failed',
      value: undefined,
      error: { code: 'function-threw', name: 'RangeError', message: 'x' },
    }),
    error: {
      code: 'function-threw',
      name: 'RangeError',
      message: 'Month 13 is not a month.\n<img src=x onerror=alert(1)>',
      stack: 'RangeError: Month 13 is not a month.\n    at monthOf (src/dates.ts:12:9)',
      frames: [
        { name: 'monthOf', file: 'src/dates.ts', line: 12, column: 9 },
        { name: 'summarise', file: 'summary.ts', line: 31, column: 18 },
        { name: 'parse', file: 'node_modules/csv/lib/index.js', line: 4, column: 2 },
        { name: '', file: 'node:internal/process', line: 95, column: 5 },
      ],
      cause: {
        code: 'function-threw',
        name: 'TypeError',
        message: 'No digits in "abc".',
        frames: [{ name: 'digits', file: 'src/dates.ts', line: 40, column: 3 }],
      },
    },
    errorKind: { whose: 'function', title: 'The function threw an error.' },
    history: ranOnce,
    earlier: 0,
    output,
  },
  lost: {
    task: task({ state: 'lost', value: undefined, timings: undefined, attempt: 3 }),
    error: {
      code: 'task-lost',
      message: 'The machine went away.',
      hint: 'Start the endpoint "laptop" and run it again.',
    },
    errorKind: { whose: 'endpoint', title: 'The task was lost with the machine that ran it.' },
    history: lostOnce,
    earlier: 3,
    output: [],
  },
  queued: {
    task: task({
      state: 'queued',
      attempt: 0,
      startedAt: undefined,
      endedAt: undefined,
      value: undefined,
      timings: undefined,
      wait: { reason: 'endpoint-offline', text: 'The endpoint laptop is offline.', since: START },
    }),
    history: ranOnce.slice(0, 1),
    earlier: 0,
    output: [],
  },
  running: {
    task: task({ state: 'running', endedAt: undefined, value: undefined, timings: undefined }),
    history: ranOnce.slice(0, 3),
    earlier: 0,
    output: output.slice(0, 2),
  },
} satisfies Record<string, PanelState>;

/** A small gradient as a PNG file, in base64. */
function png(): string {
  const size = 96;
  const rows = Buffer.alloc((size * 3 + 1) * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) rows.set([x * 2, y * 2, 160], y * (size * 3 + 1) + 1 + x * 3);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2], 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...chunks]).toString('base64');
}
