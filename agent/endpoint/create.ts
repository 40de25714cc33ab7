import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Name } from '../../protocol/client-broker/common.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { configText, parseConfig, readConfig, withBrokerUrl } from './config.ts';
import { type EndpointRef, endpointPaths } from './folder.ts';
import { lockHolder } from './lock.ts';
import { writeToken } from './token.ts';

export interface NewEndpoint extends EndpointRef {
  /** As the broker gave it. */
  id: string;
  /** Address of the broker. */
  url: string;
  token: string;
  /** Absent: one per processor core. */
  workers?: number;
}

/**
 * Writes the folder of a new endpoint: a configuration that explains itself, and the token for this user only.
 * @returns the configuration file
 * @throws RunaboutError `name-taken`, `request-invalid`, `endpoint-config`
 */
export function writeEndpoint({ home, name, token, ...first }: NewEndpoint): string {
  checkName(name);
  const paths = endpointPaths({ home, name });
  if (existsSync(paths.config)) {
    throw new RunaboutError('name-taken', `There is an endpoint ${name} in ${paths.folder} already.`, {
      hint: 'Choose another name, or delete that endpoint first.',
    });
  }
  const text = configText({ name, ...first });
  parseConfig(text, paths.config, {});
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  writeToken(paths, token);
  writeFileSync(paths.config, text, { mode: 0o600 });
  return paths.config;
}

/**
 * Tells an endpoint that its broker is at another address now. Takes effect when it is started again.
 * @returns whether that is another than before
 * @throws RunaboutError `not-found`, `endpoint-config`
 */
export function moveEndpoint({ home, name, url }: EndpointRef & { url: string }): boolean {
  const { config } = existingEndpoint({ home, name });
  const text = readFileSync(config, 'utf8');
  const moved = withBrokerUrl(text, url);
  if (moved === text) return false;
  parseConfig(moved, config, {});
  writeFileSync(config, moved, { mode: 0o600 });
  return true;
}

/**
 * Gives an endpoint a new token. An agent that runs takes it by itself.
 * @throws RunaboutError `not-found`
 */
export function renewEndpoint({ home, name, token }: EndpointRef & { token: string }): void {
  writeToken(existingEndpoint({ home, name }), token);
}

/** Whether this machine has an endpoint of this name and id. */
export function hasEndpoint({ home, name, id }: EndpointRef & { id: string }): boolean {
  const paths = endpointPaths({ home, name });
  return existsSync(paths.config) && readConfig(paths, process.env).id === id;
}

/**
 * Removes the folder of an endpoint that is not running.
 * @throws RunaboutError `endpoint-running`, `not-found`
 */
export function removeEndpoint({ home, name }: EndpointRef): void {
  const paths = existingEndpoint({ home, name });
  if (lockHolder(paths.lock)) {
    throw new RunaboutError('endpoint-running', `The endpoint ${name} is running.`, {
      hint: `Stop it first: runabout endpoint stop ${name}`,
    });
  }
  rmSync(paths.folder, { recursive: true, force: true, maxRetries: 5 });
}

/** @throws RunaboutError `not-found`, `request-invalid` */
export function existingEndpoint({ home, name }: EndpointRef) {
  checkName(name);
  const paths = endpointPaths({ home, name });
  if (!existsSync(paths.config)) {
    throw new RunaboutError('not-found', `There is no endpoint ${name} on this machine.`, {
      hint: `Create it with: runabout endpoint create ${name}`,
    });
  }
  return paths;
}

/** A name becomes a folder. */
function checkName(name: string): void {
  const parsed = Name.safeParse(name);
  if (!parsed.success) {
    throw new RunaboutError(
      'request-invalid',
      `${JSON.stringify(name)} is no name of an endpoint: ${parsed.error.issues[0]!.message}.`,
    );
  }
}
