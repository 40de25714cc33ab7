import type { AddressInfo } from 'node:net';
import { createServer, type Server, Socket } from 'node:net';
import { FrameCutter } from './frame-cutter.ts';
import type { NetFault } from './schedule.ts';

/** `up`: to the broker. */
type Direction = 'up' | 'down';

const DELAY_MS = 60;
/** Frames that may be sent again. */
const REMEMBERED = 16;

/** One accepted connection and the one it goes on to. */
interface Pair {
  near: Socket;
  far: Socket;
  /** The whole WebSocket frames that went by last, per direction. */
  frames: Record<Direction, FrameCutter>;
}

/**
 * A TCP proxy on the way to the broker, which can be made to do to its connections what networks do, and some that only
 * broken middle-boxes do.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  readonly #holes = new Set<Direction>();
  #delay = false;
  #split = false;
  #cut = false;
  readonly #replays = new Set<Direction>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer(near => this.#accept(near));
  }

  /** @param target port of the broker on this machine */
  static async open(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>(resolve => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Begins a fault, and returns what ends it. */
  begin(fault: NetFault): () => void {
    switch (fault) {
      case 'reset':
        this.#resetAll();
        return () => {};
      case 'hole-up':
      case 'hole-down': {
        // Bytes wait as those of a peer that does not acknowledge, and come late, or never if the connection breaks.
        const direction = fault === 'hole-up' ? 'up' : 'down';
        this.#holes.add(direction);
        for (const pair of this.#pairs) this.#from(pair, direction).pause();
        return () => {
          this.#holes.delete(direction);
          for (const pair of this.#pairs) this.#from(pair, direction).resume();
        };
      }
      case 'delay':
        this.#delay = true;
        return () => {
          this.#delay = false;
        };
      case 'split':
        this.#split = true;
        return () => {
          this.#split = false;
        };
      case 'cut':
        this.#cut = true;
        return () => {
          this.#cut = false;
        };
      case 'replay-up':
      case 'replay-down': {
        const direction = fault === 'replay-up' ? 'up' : 'down';
        this.#replays.add(direction);
        return () => this.#replays.delete(direction);
      }
    }
  }

  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve));
    this.#resetAll();
    await closed;
  }

  #resetAll(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  #from({ near, far }: Pair, direction: Direction): Socket {
    return direction === 'up' ? near : far;
  }

  #accept(near: Socket): void {
    const far = new Socket();
    const pair: Pair = { near, far, frames: { up: new FrameCutter(REMEMBERED), down: new FrameCutter(REMEMBERED) } };
    this.#pairs.add(pair);
    far.connect(this.#target, '127.0.0.1');
    this.#pipe(pair, 'up', near, far);
    this.#pipe(pair, 'down', far, near);
    if (this.#holes.has('up')) near.pause();
    if (this.#holes.has('down')) far.pause();
  }

  #pipe(pair: Pair, direction: Direction, from: Socket, to: Socket): void {
    from.setNoDelay(true);
    // What waits on its way keeps its order.
    let last: Promise<void> = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      const wait = this.#delay ? DELAY_MS : 0;
      const sent = wait > 0 ? Promise.all([last, new Promise(resolve => setTimeout(resolve, wait))]) : last;
      last = sent.then(() => this.#forward(pair, direction, to, bytes));
    });
    from.on('end', () => void last.then(() => to.end()));
    // `close` follows.
    from.on('error', () => {});
    from.on('close', () => {
      if (pair.near.destroyed && pair.far.destroyed) this.#pairs.delete(pair);
      // Its end, if it came, was passed on. A break is, as soon as what came before is.
      if (!from.readableEnded) void last.then(() => to.resetAndDestroy());
    });
  }

  #forward(pair: Pair, direction: Direction, to: Socket, bytes: Buffer): void {
    if (to.destroyed) return;
    const cutter = pair.frames[direction];
    const boundary = cutter.push(bytes);
    if (this.#cut && bytes.length > 1 && cutter.inFrames) {
      to.write(bytes.subarray(0, bytes.length >> 1));
      pair.near.destroy();
      pair.far.destroy();
      return;
    }
    if (this.#split) {
      for (let at = 0; at < Math.min(bytes.length, 64); at += 1) to.write(bytes.subarray(at, at + 1));
      if (bytes.length > 64) to.write(bytes.subarray(64));
    } else {
      to.write(bytes);
    }
    if (this.#replays.has(direction) && boundary) {
      const frame = cutter.oldest();
      if (frame) to.write(frame);
    }
  }
}
