import { appendFileSync, chmodSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { configText, parseConfig } from '../../../agent/endpoint/config.ts';
import { removeEndpoint, writeEndpoint } from '../../../agent/endpoint/create.ts';
import { endpointPaths, listEndpoints } from '../../../agent/endpoint/folder.ts';
import { readToken } from '../../../agent/endpoint/token.ts';
import { newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';

const id = newId();
const text = configText({ name: 'lab', id, url: 'http://127.0.0.1:7411' });
const parse = (more: string, environment = {}) => parseConfig(text + more, 'endpoint.conf', environment);
const lines = text.split('\n').length;

test('a new configuration is valid, and explains each setting it does not set', () => {
  expect(parse('')).toEqual({
    name: 'lab',
    id,
    brokerUrl: 'http://127.0.0.1:7411',
    workers: availableParallelism(),
    blocks: 1,
    tasksPerWorker: 1,
    heapMb: undefined,
    environment: {},
    graceMs: 5_000,
    drainMs: 10_000,
    outputBytes: 8 * 1024 * 1024,
    cacheBytes: 1024 * 1024 * 1024,
    logLevel: 'info',
  });
  // What stands there commented out is what holds without it.
  const shown = text.replaceAll(
    /^# ((?:WORKERS|BLOCKS|TASKS_PER_WORKER|HEAP_MB|GRACE|DRAIN|OUTPUT|CACHE|LOG_LEVEL)[A-Z_]*=)/gm,
    '$1',
  );
  expect(parseConfig(shown, 'endpoint.conf', {})).toEqual(parse(''));
});

test('the environment of functions is granted by name or by value', () => {
  const environment = parse('PASS_ENV=A B,C\nSET_ENV_D="two words"\nSET_ENV_A=own\n', {
    A: '1',
    B: '2',
    X: 'no',
  }).environment;
  expect(environment).toEqual({ A: 'own', B: '2', D: 'two words' });
});

const mistakes: [name: string, line: string, message: string][] = [
  ['an unknown setting', 'WORKRES=2', `line ${lines}: there is no setting WORKRES.`],
  ['no setting at all', 'workers', `line ${lines}: KEY=value is expected.`],
  ['a number that is none', 'WORKERS=two', `line ${lines}: WORKERS is not valid`],
  ['a number out of range', 'WORKERS=0', `line ${lines}: WORKERS is not valid`],
  [
    'an address that is none',
    'BROKER_URL=localhost',
    `line ${lines}: BROKER_URL is not valid: an address like http://host:port.`,
  ],
  ['a bad variable name', 'PASS_ENV=A=B', `line ${lines}: PASS_ENV is not valid`],
  ['an unknown level', 'LOG_LEVEL=loud', `line ${lines}: LOG_LEVEL is not valid`],
];

test.for(mistakes)('%s is told with its line', ([, line, message]) => {
  expect(() => parse(`${line}\n`)).toThrow(
    expect.objectContaining({ code: 'endpoint-config', message: expect.stringContaining(message) }),
  );
});

test('a missing setting is named', () => {
  expect(() => parseConfig('NAME=lab\n', 'endpoint.conf', {})).toThrow(/^endpoint.conf: ENDPOINT_ID is not valid/);
});

test('an endpoint is written for its user only, once, and removed whole', () => {
  const home = folder('home');
  const ref = { home, name: 'lab' };
  const paths = endpointPaths(ref);
  const endpoint = { ...ref, id, url: 'http://127.0.0.1:7411', token: 'rba_secret' };
  expect(writeEndpoint(endpoint)).toBe(paths.config);
  expect(readFileSync(paths.config, 'utf8')).not.toContain('rba_secret');
  for (const file of [paths.folder, paths.config, paths.token]) expect(statSync(file).mode & 0o077).toBe(0);
  expect(readToken(paths)).toBe('rba_secret');
  expect(() => writeEndpoint(endpoint)).toThrow(expect.objectContaining({ code: 'name-taken' }));
  chmodSync(paths.token, 0o644);
  expect(() => readToken(paths)).toThrow(/^Others can read the token/);
  appendFileSync(paths.config, 'WORKERS=3\n');
  expect(listEndpoints(home)).toEqual(['lab']);
  removeEndpoint(ref);
  expect(listEndpoints(home)).toEqual([]);
  expect(() => removeEndpoint(ref)).toThrow(expect.objectContaining({ code: 'not-found' }));
});

test('a name is no path', () => {
  const endpoint = { home: folder('home'), name: '../lab', id, url: 'http://127.0.0.1:7411', token: 'x' };
  expect(() => writeEndpoint(endpoint)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
});
