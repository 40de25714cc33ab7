// Raw HTTP, for comparison: a server in a process of its own that reads a body and answers with as many bytes as it is
// asked for, over one connection that is kept alive.
import { type ChildProcess, fork } from 'node:child_process';
import { Agent, createServer, request } from 'node:http';
import { fileURLToPath } from 'node:url';

if (process.argv[2] === 'serve') {
  const server = createServer((incoming, response) => {
    const answer = Buffer.alloc(Number(incoming.headers['x-answer-bytes']), 0x61);
    incoming.resume().on('end', () => response.end(answer));
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
}

export interface HttpEcho {
  /** Sends so many bytes and gets so many back. */
  call(bytes: number, answerBytes: number): Promise<void>;
  stop(): void;
}

export async function httpEcho(): Promise<HttpEcho> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['serve']);
  const port = await new Promise<number>(resolve => child.once('message', message => resolve(message as number)));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    call: (bytes, answerBytes) =>
      new Promise((resolve, reject) => {
        const headers = { 'x-answer-bytes': answerBytes, 'content-length': bytes };
        const call = request({ host: '127.0.0.1', port, method: 'POST', agent, headers }, response => {
          response.resume().once('end', resolve);
        });
        call.once('error', reject).end(Buffer.alloc(bytes, 0x61));
      }),
    stop() {
      agent.destroy();
      child.kill();
    },
  };
}
