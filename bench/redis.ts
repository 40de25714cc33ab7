// A Redis of our own for a peer that needs one: on a free port, in memory only, gone with the bench.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export interface RedisServer {
  port: number;
  /** For example `7.0.15`. */
  version: string;
  stop(): Promise<void>;
}

/** Starts `redis-server` without any persistence. @throws Error when it is not installed, or does not start */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, 'exit');
  };
  try {
    return { port, version: await ready(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The version, once it takes connections. */
function ready(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let version = 'unknown';
    createInterface({ input: child.stdout! }).on('line', line => {
      version = /Redis version=([\d.]+)/.exec(line)?.[1] ?? version;
      if (line.includes('Ready to accept connections')) resolve(version);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new Error('redis-server is not installed (Debian: apt install redis-server).')
          : error,
      );
    });
    child.once('exit', code => reject(new Error(`redis-server ended with code ${code} before it was ready.`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
