/** Functions that write to their worker's own pipe: they harm nobody but themselves. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeMessage, type Header } from '../../../protocol/frames.ts';
import { limits } from '../../../protocol/limits.ts';
import type { WorkerReport } from '../../../protocol/manager-worker/messages.ts';
import { folder } from '../../support/folder.ts';
import { ManagerBench, worksOn } from './support/bench.ts';

/** Writes what it is given to the pipe, counts its runs in a file, and returns. */
const LIAR = `
import { appendFileSync, writeSync } from 'node:fs';
export default async (base64: string, ledger?: string) => {
  if (ledger) appendFileSync(ledger, 'x');
  const bytes = Buffer.from(base64, 'base64');
  for (let at = 0; at < bytes.length; ) {
    try { at += writeSync(4, bytes, at); } catch (error) { if ((error as { code: string }).code !== 'EAGAIN') throw error; }
  }
  await new Promise(resolve => setTimeout(resolve, 200));
  return 'honest';
};`;

const said = (header: WorkerReport, payload?: Uint8Array) =>
  Buffer.from(encodeMessage(header as Header, payload)).toString('base64');

describe('a function that lies', () => {
  test.each<[string, string, string]>([
    ['succeeds without a value', said({ t: 'result', outcome: 'succeeded', loadMs: 0, runMs: 0 }), 'function-crashed'],
    ['fails without an error', said({ t: 'result', outcome: 'failed', loadMs: 0, runMs: 0 }), 'function-crashed'],
    ['wants a source map that is not its own', said({ t: 'need-map', digest: '0'.repeat(64) }), 'function-crashed'],
    ['writes what is no message', Buffer.from('no message').toString('base64'), 'function-crashed'],
  ])('%s: it fails, and the next task works', async (_what, bytes, code) => {
    const bench = await ManagerBench.start();
    const { result } = await bench.call(LIAR, { args: [bytes] });
    expect([result?.outcome, result?.error?.code]).toEqual(['failed', code]);
    await worksOn(bench);
  });

  test('fails with an error of ours: it is shown as its own', async () => {
    const bench = await ManagerBench.start();
    const error = { code: 'broker-internal', message: 'x' };
    const { result } = await bench.call(LIAR, {
      args: [said({ t: 'result', outcome: 'failed', error, loadMs: 0, runMs: 0 })],
    });
    expect(result?.error).toEqual({ code: 'function-threw', message: 'x' });
  });

  test('retires its worker under itself: it fails, and is not run over and over', async () => {
    const ledger = `${folder('ledger')}/runs`;
    const bench = await ManagerBench.start();
    const { result } = await bench.call(LIAR, { args: [said({ t: 'retire', reason: 'x' }), ledger] });
    expect([result?.outcome, result?.error?.code]).toEqual(['failed', 'function-crashed']);
    expect(readFileSync(ledger, 'utf8')).toBe('x');
    await worksOn(bench);
  });

  test('yields an item that no message holds: it is dropped, and said to be', async () => {
    const bench = await ManagerBench.start();
    const item = said(
      { t: 'output', stream: 'item', at: 0, type: 'application/json' },
      Buffer.alloc(limits.outputChunk + 1, 32),
    );
    const { value, output } = await bench.call(LIAR, { args: [item] });
    expect(value).toBe('honest');
    expect(output.map(({ text }) => text).join()).toMatch(/\[runabout\] 16385 more bytes of output were dropped/);
  });
});
