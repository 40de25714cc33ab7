import type { Verb } from '../contract.ts';
import { blobs } from './statements/blobs.ts';
import { claims } from './statements/claims.ts';
import { endpoints } from './statements/endpoints.ts';
import { events } from './statements/events.ts';
import { functions } from './statements/functions.ts';
import { output } from './statements/output.ts';
import { principals, type VerbGroup } from './statements/principals.ts';
import { results } from './statements/results.ts';
import { retention } from './statements/retention.ts';
import { sessions } from './statements/sessions.ts';
import { submit } from './statements/submit.ts';
import { sweep } from './statements/sweep.ts';
import { tasks } from './statements/tasks.ts';

export const verbs: VerbGroup<Verb> = {
  ...principals,
  ...functions,
  ...endpoints,
  ...blobs,
  ...submit,
  ...tasks,
  ...sessions,
  ...claims,
  ...results,
  ...output,
  ...sweep,
  ...retention,
  ...events,
};
