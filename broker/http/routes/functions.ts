import * as z from 'zod';
import { PageQuery } from '../../../protocol/client-broker/common.ts';
import {
  FunctionPage,
  FunctionQuery,
  FunctionRecord,
  RegisteredFunction,
  RegisterFunction,
  VersionPage,
} from '../../../protocol/client-broker/functions.ts';
import { Id, newId } from '../../../protocol/ids.ts';
import type { Routes } from '../app.ts';

const tags = ['functions'];
const params = z.object({ id: Id });

export const functionRoutes: Routes = (app, { store, clock }) => {
  app.post(
    '/v1/functions',
    {
      schema: {
        summary: 'Registers a bundle as the newest version of a function',
        tags,
        body: RegisterFunction,
        response: { 200: RegisteredFunction, 201: RegisteredFunction },
      },
    },
    async ({ body, holder }, reply) => {
      const registered = await store.registerFunction({ ...body, owner: holder.owner, id: newId(), now: clock.now() });
      return reply.code(registered.created ? 201 : 200).send(registered);
    },
  );

  app.get(
    '/v1/functions',
    {
      schema: { summary: 'Functions, newest first', tags, querystring: FunctionQuery, response: { 200: FunctionPage } },
    },
    ({ query, holder }) => store.listFunctions({ ...query, owner: holder.owner }),
  );

  app.get(
    '/v1/functions/:id',
    { schema: { summary: 'One function', tags, params, response: { 200: FunctionRecord } } },
    ({ params: { id }, holder }) => store.getFunction({ owner: holder.owner, id }),
  );

  app.get(
    '/v1/functions/:id/versions',
    {
      schema: {
        summary: 'Versions, newest first',
        tags,
        params,
        querystring: PageQuery,
        response: { 200: VersionPage },
      },
    },
    ({ params: { id }, query, holder }) => store.listVersions({ ...query, owner: holder.owner, id }),
  );

  app.delete(
    '/v1/functions/:id',
    { schema: { summary: 'Deletes a function; its tasks stay', tags, params, response: { 204: z.null() } } },
    async ({ params: { id }, holder }, reply) => {
      await store.deleteFunction({ owner: holder.owner, id, now: clock.now() });
      return reply.code(204).send(null);
    },
  );
};
