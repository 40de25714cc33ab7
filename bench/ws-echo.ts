// The raw transport, for comparison: a `ws` echo server in a process of its own. Messages of about the size of a task's,
// one to a frame and 64 to a frame.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';
import { quantile, round } from './machine.ts';

const MESSAGE_BYTES = 300;

if (process.argv[2] === 'serve') {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', socket => socket.on('message', data => socket.send(data)));
  server.on('listening', () => process.send?.((server.address() as { port: number }).port));
}

/** Round trips: messages/s with many in flight (single and batched frames), and the time of one after another. */
export async function wsEcho(count: number, sequential: number) {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['serve']);
  try {
    const port = await new Promise<number>(resolve => child.once('message', message => resolve(message as number)));
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await new Promise(resolve => socket.once('open', resolve));
    const single = await pipelined(socket, count, 1);
    const batched = await pipelined(socket, count, 64);
    const times = await oneByOne(socket, sequential);
    socket.close();
    return {
      messagesPerSecond: single,
      batchedMessagesPerSecond: batched,
      p50Ms: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
    };
  } finally {
    child.kill();
  }
}

/** At most 1,024 messages are under way at once. */
async function pipelined(socket: WebSocket, count: number, perFrame: number): Promise<number> {
  const frame = Buffer.alloc(MESSAGE_BYTES * perFrame, 0x61);
  const frames = Math.ceil(count / perFrame);
  const started = performance.now();
  await new Promise<void>(resolve => {
    let sent = 0;
    let back = 0;
    const more = () => {
      while (sent < frames && (sent - back) * perFrame < 1024) {
        socket.send(frame);
        sent += 1;
      }
    };
    const received = () => {
      back += 1;
      if (back < frames) return more();
      socket.off('message', received);
      resolve();
    };
    socket.on('message', received);
    more();
  });
  return round((frames * perFrame * 1000) / (performance.now() - started), 0);
}

async function oneByOne(socket: WebSocket, count: number): Promise<number[]> {
  const frame = Buffer.alloc(MESSAGE_BYTES, 0x61);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await new Promise(resolve => {
      socket.once('message', resolve);
      socket.send(frame);
    });
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}
