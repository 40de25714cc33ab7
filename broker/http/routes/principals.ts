import { CreatedUser, CreateUser, WhoAmI } from '../../../protocol/client-broker/principals.ts';
import { newId } from '../../../protocol/ids.ts';
import { newToken, tokenHash } from '../../tokens.ts';
import { version } from '../../version.ts';
import type { Routes } from '../app.ts';

export const principalRoutes: Routes = (app, { store, clock }) => {
  app.get(
    '/v1/whoami',
    {
      config: { allow: ['owner', 'user', 'agent'] },
      schema: { summary: 'Who the token stands for', tags: ['principals'], response: { 200: WhoAmI } },
    },
    async ({ holder }) => ({ principal: holder.principal, broker: { version, name: 'runabout' } }),
  );

  app.post(
    '/v1/users',
    {
      config: { allow: ['owner'] },
      schema: { summary: 'A new user', tags: ['principals'], body: CreateUser, response: { 201: CreatedUser } },
    },
    async ({ body }, reply) => {
      const token = newToken('user');
      const user = await store.createUser({
        id: newId(),
        name: body.name,
        tokenHash: tokenHash(token)!,
        now: clock.now(),
      });
      return reply.code(201).send({ user, token });
    },
  );
};
