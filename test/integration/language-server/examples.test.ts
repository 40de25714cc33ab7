import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startEndpoint, stopEndpoint, writeEndpoint } from '../../../agent/index.ts';
import type { BrokerClient } from '../../../client/client.ts';
import type { RunReply } from '../../../protocol/editor-server/messages.ts';
import { testBroker } from '../../support/broker.ts';
import { Editor } from '../../support/editor.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

let client: BrokerClient;
let editor: Editor;

// A broker, an endpoint with its agent and worker, and an editor on the examples.
beforeEach(async () => {
  const broker = await testBroker();
  client = broker.client();
  const home = folder('home');
  const { endpoint, token } = await client.createEndpoint('lab');
  writeEndpoint({ home, name: 'lab', id: endpoint.id, url: broker.url, token, workers: 1 });
  await startEndpoint({ home, name: 'lab' });
  onTestFinished(() => stopEndpoint({ home, name: 'lab' }));
  editor = await Editor.start({
    folders: [examples],
    initializationOptions: {
      clientCommands: true,
      storagePath: join(home, 'editor'),
      connection: { url: broker.url, token: broker.ownerToken },
    },
  });
  await editor.execute('runabout.chooseEndpoint', { endpoint: { id: endpoint.id, name: 'lab' } });
});

const open = (file: string) => editor.open(join(examples, file), readFileSync(join(examples, file), 'utf8'));

/** Runs by the lens of this title, and waits for the text of the result in the lens of results. */
async function click(uri: string, title: string): Promise<{ task: string; lens: string }> {
  const lens = (await editor.lenses(uri)).find(({ command }) => command!.title === title);
  const { task } = await editor.execute<RunReply>(lens!.command!.command, lens!.command!.arguments![0]);
  const shown = await until(`"${title}" has ended`, async () => {
    const commands = (await editor.lenses(uri)).map(({ command: shownCommand }) => shownCommand!);
    const result = commands.find(({ arguments: args }) => (args![0] as { task?: string }).task === task);
    return result && /^(= (?!…)|failed: )./.test(result.title) && result.title;
  });
  return { task, lens: shown };
}

const resultOf = async (task: string) => await client.decode((await client.taskResult(task)).value!);

describe('every example runs by its lens', () => {
  test('a report: a local module, JSON and an npm package travel along', async () => {
    const uri = await open('weather/report.ts');
    const { task, lens } = await click(uri, "monthlyReport('F')");
    expect(lens).toContain("= [{ month: '2025-01'");
    const rows = (await resultOf(task)) as { month: string; mean: number }[];
    expect(rows).toHaveLength(12);
    expect(rows[6]!.mean).toBeGreaterThan(60);
  });

  test('the moon: dates come back as dates', async () => {
    const { task } = await click(await open('sky/moon.ts'), "moonPhases(2027, ['full'])");
    const phases = (await resultOf(task)) as { at: Date }[];
    // The Royal Observatory's almanac has 22 January 2027, 12:17.
    expect(Math.abs(phases[0]!.at.getTime() - Date.UTC(2027, 0, 22, 12, 17))).toBeLessThan(10 * 60_000);
  });

  test('a generator: what it prints and yields is there, in order', async () => {
    const { task } = await click(await open('numbers/pi.ts'), 'estimatePi(8)');
    const estimates = (await resultOf(task)) as number[];
    expect(estimates).toHaveLength(8);
    expect(estimates.at(-1)).toBeCloseTo(Math.PI, 1);
    const { chunks } = await client.taskOutput(task);
    expect(chunks.filter(({ stream }) => stream === 'item')).toHaveLength(8);
    expect(chunks.map(({ text }) => text ?? '').join('')).toContain('round 8 of 8');
  });

  test('a series of numbers, always the same', async () => {
    const { task } = await click(await open('numbers/walk.ts'), 'randomWalk(2000)');
    const walk = (await resultOf(task)) as number[];
    expect(walk.slice(0, 4)).toEqual([0, 1, 0, 1]);
    expect(walk).toHaveLength(2000);
  });

  test('a picture is a PNG file', async () => {
    const { task } = await click(await open('pictures/mandelbrot.ts'), 'mandelbrot(480)');
    const bytes = Buffer.from((await resultOf(task)) as Uint8Array);
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([480, 320]);
  });

  test('an error stands on its line, with its causes on theirs', async () => {
    const uri = await open('weather/report.ts');
    const { lens } = await click(uri, 'repairedReport(3)');
    expect(lens).toContain('failed: Error: The year cannot be reported');
    const found = await until('the error is on its line', () =>
      editor.diagnostics.get(uri)?.find(({ code }) => code === 'function-threw'),
    );
    const lines = readFileSync(join(examples, 'weather/report.ts'), 'utf8').split('\n');
    expect(lines[found.range.start.line]).toContain("throw new Error('The year cannot be reported'");
    const [cause] = found.relatedInformation!;
    expect(cause!.message).toContain('The log is damaged at readings.3.celsius');
    expect(cause!.location.uri).toMatch(/weather\/readings\.ts$/);
    const readings = readFileSync(join(examples, 'weather/readings.ts'), 'utf8').split('\n');
    expect(readings[cause!.location.range.start.line]).toContain('throw new Error(`The log is damaged');
  });
});

test('comments added above move the error with its line; an unchanged function is not pushed again', async () => {
  const uri = await open('weather/report.ts');
  await click(uri, 'repairedReport(3)');
  const line = () => editor.diagnostics.get(uri)?.find(({ code }) => code === 'function-threw')?.range.start.line;
  const before = await until('the error is on its line', line);
  await editor.change(uri, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, '// One\n// Two\n');
  await until('the error has moved', () => line() === before + 2);

  await click(uri, 'repairedReport(3)');
  const { latest } = (await client.findFunction('runabout-examples/weather/report#repairedReport'))!;
  expect(latest.version).toBe(1);
});
