import { type Case, lazily, submission } from './cases.ts';
import { theirs, theirTask } from './world.ts';

// What belongs to somebody else answers like what does not exist, to everybody and for every call.

export const others: Case[] = [
  { what: "another's task", path: () => `/v1/tasks/${theirTask}`, status: 404, code: 'not-found' },
  { what: "a wait for another's task", path: () => `/v1/tasks/${theirTask}/wait?ms=0`, status: 404, code: 'not-found' },
  {
    what: "a cancel of another's task",
    method: 'POST',
    path: () => `/v1/tasks/${theirTask}/cancel`,
    status: 404,
    code: 'not-found',
  },
  { what: "the output of another's task", path: () => `/v1/tasks/${theirTask}/output`, status: 404, code: 'not-found' },
  { what: "the result of another's task", path: () => `/v1/tasks/${theirTask}/result`, status: 404, code: 'not-found' },
  {
    what: "the history of another's task",
    path: () => `/v1/tasks/${theirTask}/history`,
    status: 404,
    code: 'not-found',
  },
  { what: "another's function", path: () => `/v1/functions/${theirs.fn.id}`, status: 404, code: 'not-found' },
  {
    what: "a delete of another's function",
    method: 'DELETE',
    path: () => `/v1/functions/${theirs.fn.id}`,
    status: 404,
    code: 'not-found',
  },
  {
    what: "a task of another's function",
    method: 'POST',
    path: '/v1/tasks',
    body: lazily(() => JSON.parse(submission({ function: { id: theirs.fn.id } })())),
    status: 404,
    code: 'not-found',
    at: 'tasks.0.function',
  },
  {
    what: "the versions of another's function",
    path: () => `/v1/functions/${theirs.fn.id}/versions`,
    status: 404,
    code: 'not-found',
  },
  { what: "another's endpoint", path: () => `/v1/endpoints/${theirs.endpoint.id}`, status: 404, code: 'not-found' },
  {
    what: "a new token for another's endpoint",
    method: 'POST',
    path: () => `/v1/endpoints/${theirs.endpoint.id}/token`,
    status: 404,
    code: 'not-found',
  },
  {
    what: "a delete of another's endpoint",
    method: 'DELETE',
    path: () => `/v1/endpoints/${theirs.endpoint.id}`,
    status: 404,
    code: 'not-found',
  },
  {
    what: "a task on another's endpoint",
    method: 'POST',
    path: '/v1/tasks',
    body: lazily(() => JSON.parse(submission({ endpoint: theirs.endpoint.id })())),
    status: 404,
    code: 'not-found',
    at: 'tasks.0.endpoint',
  },
];
