import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { mediaTypes } from '../../../protocol/client-broker/common.ts';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { Digest } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import type { TokenHolder } from '../../store/contract.ts';
import type { Routes } from '../app.ts';
import type { Kind } from '../auth.ts';

const params = z.object({ digest: Digest });
const everybody: readonly Kind[] = ['owner', 'user', 'agent'];

/** Bundles and blobs are the same kind of thing under two names: bytes by digest, each with its own cap and callers. */
const kinds = [
  { name: 'bundles', cap: limits.bundle, mayPut: ['owner', 'user'] as readonly Kind[] },
  { name: 'blobs', cap: limits.blob, mayPut: everybody },
];

/**
 * Takes an upload. Of one that is refused half-way the rest is read and thrown away, so that its sender gets to read
 * the answer and can use the connection again; one that does not end even then is cut off.
 */
async function receive(body: Readable, take: (upload: AsyncIterable<Uint8Array>) => Promise<number>): Promise<number> {
  try {
    return await take(body.iterator({ destroyOnReturn: false }));
  } catch (error) {
    let left: number = limits.blob;
    body.on('data', (chunk: Uint8Array) => {
      left -= chunk.length;
      if (left < 0) body.destroy();
    });
    throw error;
  }
}

export const blobRoutes: Routes = (app, { store, blobs, clock }) => {
  /** The size of a blob that the caller may read. */
  async function find(digest: string, { principal }: TokenHolder): Promise<number> {
    const size = await store.findBlob({ digest, holder: principal.id, now: clock.now() });
    if (size === null) throw new RunaboutError('not-found', `There is no ${digest} for you.`);
    return size;
  }

  function describe(reply: FastifyReply, digest: string, size: number): FastifyReply {
    return reply
      .type(mediaTypes.bytes)
      .header('content-length', size)
      .header('etag', `"${digest}"`)
      .header('cache-control', 'private, immutable, max-age=31536000');
  }

  for (const { name, cap, mayPut } of kinds) {
    const url = `/v1/${name}/:digest`;
    const tags = [name];

    app.put(
      url,
      {
        config: { allow: mayPut, cap },
        schema: {
          summary: 'Uploads bytes under their sha256',
          tags,
          consumes: [mediaTypes.bytes],
          params,
          response: { 204: z.null() },
        },
      },
      async ({ params: { digest }, body, holder }, reply) => {
        if (body === undefined) throw new RunaboutError('media-type', `An upload is ${mediaTypes.bytes}.`);
        const record = (size: number) => store.addBlob({ digest, size, holder: holder.principal.id, now: clock.now() });
        await receive(body as Readable, upload => blobs.put(digest, upload, cap, record));
        return reply.code(204).send(null);
      },
    );

    app.head(
      url,
      {
        config: { allow: everybody },
        schema: { summary: 'Whether the bytes are there', tags, params, response: { 200: z.null() } },
      },
      async ({ params: { digest }, holder }, reply) => describe(reply, digest, await find(digest, holder)).send(),
    );

    app.get(
      url,
      {
        config: { allow: everybody },
        schema: { summary: 'The bytes', tags, produces: [mediaTypes.bytes], params },
      },
      async ({ params: { digest }, holder }, reply) =>
        describe(reply, digest, await find(digest, holder)).send(blobs.read(digest)),
    );
  }
};
