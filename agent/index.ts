/** What other parts need of the agent: endpoints on this machine, and the life of their agents. */
export {
  hasEndpoint,
  moveEndpoint,
  type NewEndpoint,
  removeEndpoint,
  renewEndpoint,
  writeEndpoint,
} from './endpoint/create.ts';
export { type EndpointRef, listEndpoints } from './endpoint/folder.ts';
export {
  type EndpointState,
  endpointState,
  restartEndpoint,
  type StartReport,
  startEndpoint,
  stopEndpoint,
} from './endpoint/lifecycle.ts';
export { type LogOptions, readLogs } from './endpoint/logs.ts';
