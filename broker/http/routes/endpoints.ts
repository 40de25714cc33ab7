import * as z from 'zod';
import {
  CreatedEndpoint,
  CreateEndpoint,
  EndpointPage,
  EndpointQuery,
  EndpointRecord,
  EndpointStatus,
} from '../../../protocol/client-broker/endpoints.ts';
import { Id, newId } from '../../../protocol/ids.ts';
import { newToken, tokenHash } from '../../tokens.ts';
import type { Routes } from '../app.ts';

const tags = ['endpoints'];
const params = z.object({ id: Id });

export const endpointRoutes: Routes = (app, { store, clock, auth, sessions }) => {
  app.post(
    '/v1/endpoints',
    {
      schema: {
        summary: "A new endpoint, and its agent's token",
        tags,
        body: CreateEndpoint,
        response: { 201: CreatedEndpoint },
      },
    },
    async ({ body, holder }, reply) => {
      const token = newToken('agent');
      const endpoint = await store.createEndpoint({
        ...body,
        owner: holder.owner,
        id: newId(),
        tokenHash: tokenHash(token)!,
        now: clock.now(),
      });
      return reply.code(201).send({ endpoint, token });
    },
  );

  app.get(
    '/v1/endpoints',
    {
      schema: { summary: 'Endpoints, newest first', tags, querystring: EndpointQuery, response: { 200: EndpointPage } },
    },
    ({ query, holder }) => store.listEndpoints({ ...query, owner: holder.owner }),
  );

  app.get(
    '/v1/endpoints/:id',
    { schema: { summary: 'One endpoint', tags, params, response: { 200: EndpointRecord } } },
    ({ params: { id }, holder }) => store.getEndpoint({ owner: holder.owner, id }),
  );

  app.get(
    '/v1/endpoints/:id/status',
    { schema: { summary: 'How an endpoint is', tags, params, response: { 200: EndpointStatus } } },
    async ({ params: { id }, holder }) => (await store.getEndpoint({ owner: holder.owner, id })).status,
  );

  app.post(
    '/v1/endpoints/:id/token',
    { schema: { summary: 'A new token; the old one stops working', tags, params, response: { 201: CreatedEndpoint } } },
    async ({ params: { id }, holder }, reply) => {
      const token = newToken('agent');
      const endpoint = await store.renewEndpointToken({
        owner: holder.owner,
        id,
        tokenHash: tokenHash(token)!,
        now: clock.now(),
      });
      auth.forget();
      sessions.revoke(id);
      return reply.code(201).send({ endpoint, token });
    },
  );

  app.delete(
    '/v1/endpoints/:id',
    { schema: { summary: 'Deletes an endpoint and cancels its tasks', tags, params, response: { 204: z.null() } } },
    async ({ params: { id }, holder }, reply) => {
      await store.deleteEndpoint({ owner: holder.owner, id, now: clock.now() });
      auth.forget();
      sessions.revoke(id);
      return reply.code(204).send(null);
    },
  );
};
