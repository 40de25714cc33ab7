import type { WebSocket } from 'ws';
import { Subscribe } from '../../protocol/client-broker/events.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import { parseJson } from '../../protocol/json.ts';
import type { Services } from '../services.ts';
import { closeFor, keepAlive } from '../sockets.ts';
import type { TokenHolder } from '../store/contract.ts';
import type { Subscriber } from './feed.ts';

/** Frames are text, and come as bytes. */
const TEXT = { binary: false };

/** Serves one event stream: waits for its `sub`, then sends until either side closes. */
export function serveEvents(socket: WebSocket, holder: TokenHolder, { hub, clock, settings, log }: Services): void {
  let subscriber: Subscriber | undefined;
  const silent = clock.after(settings.helloTimeoutMs, () => {
    socket.close(closeCodes.protocol, 'request-invalid: no sub in time');
  });
  const stopPings = keepAlive(socket, clock, settings.peers.pingMs);

  socket.on('message', (data, isBinary) => {
    silent();
    // What still comes after we closed it says nothing any more.
    if (socket.readyState !== socket.OPEN) return;
    if (subscriber) return socket.close(closeCodes.protocol, 'request-invalid: sub comes once');
    try {
      if (isBinary) return socket.close(closeCodes.protocol, 'frame-invalid: text frames only');
      const { output, from } = Subscribe.parse(parseJson(String(data)));
      subscriber = {
        ...{ owner: holder.owner, output },
        ...sending(socket, settings.peers.streamBytes),
        // A stream that closed while it got its replay is no failure.
        fail: error => void (socket.readyState === socket.OPEN && closeFor(socket, error, log)),
      };
      hub.join(subscriber, from);
    } catch (error) {
      closeFor(socket, error, log);
    }
  });
  // `close` follows and says it all.
  socket.on('error', () => {});
  socket.once('close', () => {
    silent();
    stopPings();
    if (subscriber) hub.leave(subscriber);
  });
}

/** @param most bytes that may wait for its reader before it takes no more than one frame at a time */
function sending(socket: WebSocket, most: number): Pick<Subscriber, 'send' | 'sendSlowly'> {
  return {
    send(frame) {
      if (socket.bufferedAmount > most) return false;
      socket.send(frame, TEXT);
      return true;
    },
    sendSlowly(frame) {
      return new Promise((resolve, reject) => socket.send(frame, TEXT, error => (error ? reject(error) : resolve())));
    },
  };
}
