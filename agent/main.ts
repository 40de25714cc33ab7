/** The agent process of one endpoint: `agent --home FOLDER --name NAME [--foreground]`. */
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { asRunaboutError } from '../protocol/errors/error.ts';
import { Agent } from './agent.ts';
import { readConfig } from './endpoint/config.ts';
import { endpointPaths } from './endpoint/folder.ts';
import { takeLock } from './endpoint/lock.ts';
import { type AgentState, writeState } from './endpoint/state.ts';
import { EndpointToken } from './endpoint/token.ts';
import { openLog } from './log.ts';

const { values } = parseArgs({
  options: { home: { type: 'string' }, name: { type: 'string' }, foreground: { type: 'boolean', default: false } },
});
if (!values.home || !values.name) {
  console.error('Usage: agent --home FOLDER --name NAME [--foreground]');
  process.exit(2);
}
const paths = endpointPaths({ home: values.home, name: values.name });

/** Says in the state file how this agent ended, and ends. */
function end(state: AgentState['state'], problem: string | undefined, log?: Logger): never {
  try {
    writeState(paths.state, { pid: process.pid, state, since: Date.now(), ...(problem ? { problem } : {}) });
  } catch (error) {
    // A full disk does not make a failure of an orderly end.
    log?.warn({ error: (error as Error).message }, 'The state file cannot be written.');
  }
  if (problem && !log) console.error(problem);
  log?.info({ state }, 'The agent has ended.');
  process.exit(state === 'stopped' ? 0 : 1);
}

let unlock: () => void;
try {
  unlock = takeLock(paths.lock);
} catch (error) {
  // The state file is the running agent's.
  console.error((error as Error).message);
  process.exit(1);
}

let log: Logger | undefined;
try {
  const config = readConfig(paths, process.env);
  const token = new EndpointToken(paths);
  log = openLog(paths.log, config.logLevel, values.foreground);
  log.info({ broker: config.brokerUrl, workers: config.workers }, `The agent of endpoint ${config.name} starts.`);
  const agent = new Agent({ config, token, paths, log });
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Who asks a second time does not want to wait.
      if (++signals > 1) process.exit(1);
      void agent.stop();
    });
  }
  const { end: state, problem } = await agent.run();
  unlock();
  end(state, problem, log);
} catch (error) {
  unlock();
  const { explained } = asRunaboutError(error, 'endpoint-config', 'The agent cannot start');
  log?.fatal(explained);
  end('failed', explained, log);
}
