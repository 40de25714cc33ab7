import { RunaboutError } from '../../../protocol/errors/error.ts';
import type { Routes } from '../app.ts';
import { socketPaths } from '../upgrade.ts';

/** The WebSocket addresses, for those who ask them over plain HTTP, and for the OpenAPI document. */
export const socketRoutes: Routes = app => {
  for (const [path, { allow, summary }] of Object.entries(socketPaths)) {
    app.get(path, { config: { allow }, schema: { summary: `WebSocket: ${summary}`, tags: ['sockets'] } }, async () => {
      throw new RunaboutError('request-invalid', `${path} is a WebSocket.`, { hint: 'Open it as one.' });
    });
  }
};
