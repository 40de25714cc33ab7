import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isServed } from '../../../broker/lock.ts';
import { announceLocalBroker, findLocalBroker, localConnection } from '../../../client/local.ts';
import { cli, jsonLines, runabout, spawnCli } from '../../support/cli.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const home = realpathSync(mkdtempSync(join(tmpdir(), 'runabout-cli-')));
const project = join(home, 'project');
const source = `
/** @remote */
export const add = (a: number, b: number): number => a + b;

/** @remote */
export function fail(): never {
  throw new RangeError('too far', { cause: new Error('the deeper reason') });
}

/** @remote */
export async function talk(): Promise<string> {
  console.log('to stdout');
  console.error('to stderr');
  return 'said';
}

/** @remote */
export function* count(to: number) {
  for (let i = 1; i <= to; i++) yield { i };
}

/** @remote */
export const later = (day: Date): Date => new Date(day.getTime() + 86_400_000);

/** @remote */
export const sleep = (ms: number): Promise<void> => {
  console.log('asleep');
  return new Promise(resolve => setTimeout(resolve, ms));
};

export const unmarked = () => 1;
`;

beforeAll(async () => {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'sample', type: 'module' }));
  writeFileSync(join(project, 'fns.ts'), source);
  const env = { SECRET_OF_THE_CALLER: 'hush' };
  const up = await cli(home, ['up', '--json', '--port', '0', '--workers', '2'], { env });
  expect(up).toMatchObject({ status: 0, stderr: '' });
  expect(jsonLines(up.stdout).at(-1)).toMatchObject({ t: 'ready', endpoint: { name: 'local' } });
});

afterAll(async () => {
  const down = await cli(home, ['down']);
  expect(down.stdout).toContain('Stopped the endpoint "local".\nStopped the broker.');
  expect(findLocalBroker(home)).toBeUndefined();
  rmSync(home, { recursive: true, force: true });
});

test.runIf(existsSync('/proc/self/environ'))(
  "the broker of `up` gets nothing of its caller's that it has no need of",
  () => {
    const environment = readFileSync(`/proc/${findLocalBroker(home)!.pid}/environ`, 'utf8')
      .split('\0')
      .filter(Boolean);
    const names = environment.map(line => line.split('=')[0]!);
    expect(names).toContain('RUNABOUT_HOME');
    const needed = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'RUNABOUT_HOME'];
    expect(names.filter(name => !needed.includes(name))).toEqual([]);
  },
);

const run = (...args: string[]) => cli(home, ['run', ...args], { cwd: project });

describe('run', () => {
  test('prints the value on stdout and the rest on stderr', async () => {
    const first = await run('fns.ts#add', '--on', 'local', '2', '40');
    expect(first).toMatchObject({ status: 0, stdout: '42\n' });
    expect(first.stderr).toMatch(/^sample\/fns#add v1 on local · \d+ ms\n$/);
  });

  test('output comes in order on its own stream, a string is printed as it is', async () => {
    expect(await run('fns.ts#talk', '--on', 'local')).toMatchObject({
      status: 0,
      stdout: 'to stdout\nsaid\n',
      stderr: expect.stringContaining('to stderr\n'),
    });
  });

  test("an error of the function is shown as the function's own, with status 1", async () => {
    const { status, stdout, stderr } = await run('fns.ts#fail', '--on', 'local');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('RangeError: too far');
    expect(stderr).toContain('fns.ts:7:9');
    expect(stderr).toContain('the deeper reason');
    expect(stderr).not.toContain('runabout:');
  });

  test('--json prints output, yields and the result as lines', async () => {
    const { status, stdout } = await run('fns.ts#count', '--on', 'local', '--json', '2');
    const lines = jsonLines(stdout);
    expect(status).toBe(0);
    expect(lines.filter(line => line.t === 'output')).toMatchObject([
      { stream: 'item', seq: 0 },
      { stream: 'item', seq: 1 },
    ]);
    expect(lines.at(-1)).toMatchObject({
      t: 'result',
      state: 'succeeded',
      value: [{ i: 1 }, { i: 2 }],
      task: { function: { kind: 'generator' } },
    });
  });

  test('arguments become what the function takes', async () => {
    expect(await run('fns.ts#later', '--on', 'local', '"2026-11-24T00:00:00Z"')).toMatchObject({
      status: 0,
      stdout: '2026-11-25T00:00:00.000Z\n',
    });
  });

  test.each([
    ['no function named', ['fns.ts'], 'Write FILE#FUNCTION'],
    ['a file that is not there', ['none.ts#add', '--on', 'local'], 'none.ts cannot be read'],
    ['a function that is not marked', ['fns.ts#unmarked', '--on', 'local'], 'has no marked function "unmarked"'],
    [
      'an endpoint that is not there',
      ['fns.ts#add', '--on', 'moon', '1', '2'],
      'There is no endpoint "moon".\nThere are: local.',
    ],
    ['no endpoint', ['fns.ts#add', '1', '2'], 'No endpoint was named.'],
    ['arguments of the wrong type', ['fns.ts#add', '--on', 'local', '1', '"two"'], 'The argument "b" must be number'],
    ['too few arguments', ['fns.ts#add', '--on', 'local', '1'], 'The argument "b" is missing'],
    ['a bad time', ['fns.ts#add', '--on', 'local', '--timeout', 'soon', '1', '2'], '"soon" is not a time'],
  ])('%s: said, and status 3', async (_name, args, text) => {
    const { status, stdout, stderr } = await run(...args);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain(`runabout: `);
    expect(stderr).toContain(text);
  });

  test('a usage error is status 2', async () => {
    expect(await cli(home, ['run'])).toMatchObject({ status: 2 });
    expect(await cli(home, ['nonsense'])).toMatchObject({ status: 2 });
  });

  test('Ctrl-C cancels the task', async () => {
    const child = spawnCli(home, ['run', 'fns.ts#sleep', '--on', 'local', '600000'], { cwd: project });
    let text = '';
    child.stdout!.on('data', data => {
      text += data;
    });
    await until('the task says it sleeps', () => text.includes('asleep'));
    child.kill('SIGINT');
    const status = await new Promise(resolve => child.on('close', resolve));
    expect(status).toBe(3);
    const { stdout } = await cli(home, ['task', 'list', '--json', '--state', 'cancelled']);
    expect(JSON.parse(stdout)).toMatchObject([{ function: { name: 'sample/fns#sleep' }, state: 'cancelled' }]);
  });
});

describe('up', () => {
  test('a second one finds what runs', async () => {
    const { stdout } = await cli(home, ['up']);
    expect(stdout).toMatch(/The broker runs already at .*\nThe endpoint "local" runs already\.\nReady/);
  });

  test("the owner's token is in a file of mode 0600, and nowhere in what is printed", async () => {
    const local = findLocalBroker(home)!;
    expect(statSync(local.tokenFile).mode & 0o777).toBe(0o600);
    const { stdout } = await cli(home, ['up', '--json']);
    expect(stdout).not.toContain(localConnection(home)!.token);
  });

  test('a taken port is said, and another taken', async () => {
    const other = folder('home');
    const blocker = createServer().listen(0, '127.0.0.1');
    await until('the port is taken', () => blocker.listening);
    const { port } = blocker.address() as { port: number };
    try {
      const up = await cli(other, ['up', '--port', String(port)]);
      expect(up.stdout).toContain(`Port ${port} is taken; started a broker at http://127.0.0.1:`);
      expect(up.status).toBe(0);
    } finally {
      blocker.close();
      await cli(other, ['down']);
    }
  });

  test('an endpoint that runs follows a broker that crashed and came back at another address', async () => {
    const other = folder('home');
    try {
      await cli(other, ['up', '--port', '0', '--workers', '1']);
      const before = findLocalBroker(other)!;
      process.kill(before.pid, 'SIGKILL');
      await until('it is gone', () => !isServed(join(other, 'broker')));
      const up = await cli(other, ['up', '--port', '0']);
      expect(findLocalBroker(other)!.url).not.toBe(before.url);
      expect(up.stdout).toContain('The endpoint "local" is connected');
      expect((await cli(other, ['endpoint', 'list'])).stdout).toMatch(/local +online/);
    } finally {
      await cli(other, ['down']);
    }
  });

  test('after a broker came back at another address, its endpoint follows', async () => {
    const other = folder('home');
    try {
      await cli(other, ['up', '--port', '0']);
      const before = findLocalBroker(other)!.url;
      await cli(other, ['down']);
      const { stdout } = await cli(other, ['up', '--port', '0']);
      expect(findLocalBroker(other)!.url).not.toBe(before);
      expect(stdout).toContain('The endpoint "local" is connected');
      expect(stdout).not.toContain('Created');
    } finally {
      await cli(other, ['down']);
    }
  });
});

describe('endpoint renew', () => {
  const tokenFile = join(home, 'endpoints', 'local', 'token');
  const listed = async () => (await cli(home, ['endpoint', 'list'])).stdout;

  test('writes a new token for the agent that runs, and the old one is refused', async () => {
    const old = readFileSync(tokenFile, 'utf8');
    const { status, stdout } = await cli(home, ['endpoint', 'renew', 'local']);
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('takes the new one by itself'),
    });
    const token = readFileSync(tokenFile, 'utf8');
    expect(token).not.toBe(old);
    expect(stdout).not.toContain(token.trim());
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    const { url } = localConnection(home)!;
    const refused = await fetch(`${url}/v1/whoami`, { headers: { authorization: `Bearer ${old.trim()}` } });
    expect(refused.status).toBe(401);
    await until('the agent is back', async () => {
      const { stdout: state } = await cli(home, ['endpoint', 'status', 'local', '--json']);
      return JSON.parse(state).connected === true && /local +online/.test(await listed());
    });
    expect((await run('fns.ts#add', '--on', 'local', '2', '40')).stdout).toBe('42\n');
  });

  test('prints the token of an endpoint of another machine, and knows one that is not there', async () => {
    const elsewhere = folder('home');
    const { url, token } = localConnection(home)!;
    const env = { RUNABOUT_URL: url, RUNABOUT_TOKEN: token };
    try {
      expect((await cli(elsewhere, ['endpoint', 'create', 'far'], { env })).status).toBe(0);
      const { status, stdout } = await cli(home, ['endpoint', 'renew', 'far']);
      expect({ status, stdout }).toEqual({
        status: 0,
        stdout: expect.stringMatching(/endpoints\/far\/token.*\n.*\nrba_\S+\n$/),
      });
      expect((await cli(home, ['endpoint', 'renew', 'nowhere'])).stderr).toContain('There is no endpoint "nowhere"');
    } finally {
      await cli(elsewhere, ['endpoint', 'delete', 'far'], { env });
    }
  });
});

describe('tasks and functions', () => {
  test('are listed, shown with their history, and their output read again', async () => {
    const pushed = await cli(home, ['function', 'push', 'fns.ts#talk', '--json'], { cwd: project });
    expect(JSON.parse(pushed.stdout)).toMatchObject({ created: false, function: { name: 'sample/fns#talk' } });
    const { stdout: list } = await cli(home, ['task', 'list']);
    expect(list).toMatch(/^TASK +FUNCTION +ENDPOINT +STATE/);
    const task = JSON.parse((await cli(home, ['task', 'list', '--json', '--state', 'failed'])).stdout)[0];
    const { stdout: shown, stderr } = await cli(home, ['task', 'show', task.id]);
    expect(shown).toMatch(/queued[\s\S]*leased \(attempt 1\)[\s\S]*failed/);
    expect(stderr).toContain('RangeError: too far');
    expect((await cli(home, ['function', 'list'])).stdout).toContain('sample/fns#add');
  });

  test('a task waits for an offline endpoint, says why, and runs when it comes', async () => {
    await cli(home, ['endpoint', 'create', 'later']);
    const sent = await run('fns.ts#add', '--on', 'later', '--no-wait', '--json', '1', '2');
    const { task } = jsonLines(sent.stdout)[0];
    expect((await cli(home, ['task', 'show', task.id])).stdout).toContain('Waits: ');
    const start = await cli(home, ['endpoint', 'start', 'later']);
    expect(start.stdout).toMatch(/The endpoint "later" is connected \(process \d+\)\./);
    await until('it has run', async () => {
      const { stdout } = await cli(home, ['task', 'show', task.id, '--json']);
      return jsonLines(stdout).some(line => line.t === 'result' && line.value === 3);
    });
    expect((await cli(home, ['endpoint', 'status', 'later'])).stdout).toMatch(/runs \(process \d+\), connected/);
    expect((await cli(home, ['endpoint', 'list'])).stdout).toMatch(/later +online/);
    expect((await cli(home, ['endpoint', 'logs', 'later'])).stdout).toContain('info');
    expect((await cli(home, ['endpoint', 'stop', 'later'])).stdout).toBe('Stopped the endpoint "later".\n');
    expect((await cli(home, ['endpoint', 'delete', 'later'])).stdout).toBe('Deleted the endpoint "later".\n');
    expect(existsSync(join(home, 'endpoints', 'later'))).toBe(false);
  });
});

describe('login', () => {
  test('reads the token from standard input and stores it for this user only', async () => {
    const other = folder('home');
    const { url, token } = localConnection(home)!;
    const login = await cli(other, ['login', url], { input: `${token}\n` });
    expect(login.stdout).toContain('(owner)');
    expect(statSync(join(other, 'credentials.json')).mode & 0o777).toBe(0o600);
    expect((await cli(other, ['endpoint', 'list'])).stdout).toContain('local');
    await cli(other, ['logout']);
    expect(await cli(other, ['endpoint', 'list'])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('Not connected to a broker'),
    });
  });

  test('a wrong token is refused and not stored', async () => {
    const other = folder('home');
    const { url } = localConnection(home)!;
    expect(await cli(other, ['login', url], { input: 'rbo_nonsense\n' })).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('token'),
    });
    expect(existsSync(join(other, 'credentials.json'))).toBe(false);
  });

  test('no broker there is said', async () => {
    const { status, stderr } = await cli(folder('home'), ['login', 'http://127.0.0.1:9'], { input: 'x\n' });
    expect(status).toBe(3);
    expect(stderr).toContain('The broker at http://127.0.0.1:9 cannot be reached');
  });
});

test.skipIf(process.platform === 'win32')('the built file is a command by itself, as npm link takes it', () => {
  const PATH = dirname(process.execPath);
  expect(execFileSync(runabout, ['--version'], { encoding: 'utf8', env: { PATH } })).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('a broker refuses an address that others reach without TLS', async () => {
  const { status, stderr } = await cli(folder('home'), ['broker', 'start', '--host', '0.0.0.0', '--port', '0']);
  expect(status).toBe(3);
  expect(stderr).toMatch(/TLS/);
});

test.each<[string, string[], string]>([
  ['a port that is none', ['up', '--port', 'abc'], 'whole number from 0 to 65535'],
  ['a number of workers that is none', ['endpoint', 'create', 'x', '--workers', '0'], 'whole number from 1 to 1024'],
  ['a retention that is none', ['broker', 'start', '--retention', '30'], 'a time like 90min, 12h or 30d'],
  ['a level that does not exist', ['broker', 'start', '--log-level', 'loud'], 'Allowed choices'],
  ['a state that does not exist', ['task', 'list', '--state', 'asleep'], 'Allowed choices'],
  ['a command that does not exist', ['task', 'frobnicate'], 'frobnicate'],
])('%s is a usage error, and nothing was done', async (_what, args, said) => {
  const other = folder('home');
  expect(await cli(other, args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(said) });
  expect(readdirSync(other)).toEqual([]);
});

test.each<[string, string[], string]>([
  ['half of TLS', ['--tls-cert', 'cert.pem'], 'both a certificate and its key'],
  ['TLS files that are not there', ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'], "'cert.pem'"],
])('%s starts no broker without TLS instead', async (_what, args, said) => {
  const { status, stdout, stderr } = await cli(folder('home'), ['broker', 'start', '--port', '0', ...args]);
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
  expect(stderr).toContain(said);
});

test('what a crashed broker left behind harms no process that has its number now', async () => {
  const other = folder('home');
  const bystander = spawn('sleep', ['600']);
  try {
    announceLocalBroker(other, {
      url: 'http://127.0.0.1:9',
      tokenFile: join(other, 'broker', 'owner-token'),
      pid: bystander.pid!,
    });
    expect((await cli(other, ['down'])).stdout).toBe('No broker runs here.\n');
    expect((await cli(other, ['up', '--port', '0'])).stdout).toContain('Started a broker');
    expect((await cli(other, ['down'])).stdout).toContain('Stopped the broker.');
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  } finally {
    bystander.kill();
  }
});
