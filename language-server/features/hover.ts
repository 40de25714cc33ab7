import { type Hover, MarkupKind } from 'vscode-languageserver/node';
import { clientCommands, serverCommands } from '../../protocol/editor-server/messages.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import type { OpenDocument } from '../documents/open-document.ts';
import type { FunctionState, States } from '../documents/state.ts';
import { duration } from '../words.ts';

/**
 * What is known of a marked function, over its name. Nothing is fetched for it.
 * @param links the client runs `command:` links
 */
export function hover(document: OpenDocument, offset: number, states: States, links: boolean): Hover | null {
  const marked = document.marks.functions.find(({ nameSpan }) => nameSpan.start <= offset && offset <= nameSpan.end);
  if (!marked) return null;
  const state = states.of(document, marked);
  const parts = [signature(state), pushed(state, states, document), run(state, states), actions(state, states, links)];
  return {
    contents: { kind: MarkupKind.Markdown, value: parts.filter(part => part !== undefined).join('\n\n') },
    range: document.rangeOf(marked.nameSpan),
  };
}

function signature({ marked }: FunctionState): string {
  const kind = marked.kind === 'sync' ? '' : `${marked.kind.replace('-', ' ')} `;
  const description = marked.description ? `\n\n${escaped(marked.description)}` : '';
  return `${code(`${kind}${marked.name}${marked.signature}`, 'ts')}${description}`;
}

function pushed({ registryName, marked }: FunctionState, states: States, document: OpenDocument): string {
  const { pushState, version } = states.document(document).functions.find(({ name }) => name === marked.name)!;
  const text = {
    unknown: 'not compared with the registry yet',
    new: 'not pushed yet',
    changed: `changed since version ${version}`,
    pushed: `version ${version}`,
  }[pushState];
  return `\`${registryName}\` · ${text}`;
}

function run(state: FunctionState, states: States): string | undefined {
  const summary = states.summary(state);
  const remote = state.remote?.run;
  if (!summary || !remote) return undefined;
  const facts = [
    `**${summary.state}** on ${summary.endpoint.name}`,
    summary.durationMs === undefined ? undefined : duration(summary.durationMs),
    new Date(summary.createdAt).toLocaleString(),
    summary.stale ? '_the code has changed since_' : undefined,
  ];
  const lines = [facts.filter(fact => fact !== undefined).join(' · ')];
  if (summary.state === 'succeeded') lines.push(code(summary.text, 'js'));
  else if (summary.error)
    lines.push(code(summary.error.stack ?? `${summary.error.name ?? 'Error'}: ${summary.error.message}`));
  else if (isTerminal(summary.state)) lines.push(code(summary.text));
  if (summary.wait)
    lines.push(`Waiting: ${escaped(summary.wait.text)} (since ${new Date(summary.wait.since).toLocaleTimeString()})`);
  if (summary.error?.hint) lines.push(escaped(summary.error.hint));
  if (remote.output.length > 0) lines.push(`Output:\n${code(remote.output.join('\n'))}`);
  return lines.join('\n\n');
}

function actions(state: FunctionState, states: States, links: boolean): string | undefined {
  if (!links) return undefined;
  const link = (title: string, command: string, argument: object) =>
    `[${title}](command:${command}?${encodeURIComponent(JSON.stringify([argument]))})`;
  const ref = { uri: state.document.uri, name: state.marked.name };
  const summary = states.summary(state);
  const shown = [link(summary ? 'Run again' : 'Run', serverCommands.run, ref)];
  if (summary) shown.unshift(link('Open result', serverCommands.showResult, { task: summary.task }));
  if (summary) shown.push(link('History', clientCommands.showHistory, { task: summary.task }));
  if (summary && !isTerminal(summary.state)) shown.push(link('Cancel', serverCommands.cancel, { task: summary.task }));
  return shown.join(' · ');
}

/** At most this much of a stack or an output is shown in a hover. */
const MAX_TEXT = 2000;

function code(text: string, language = ''): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}\n…` : text;
  // A fence longer than any in the text cannot be closed by it.
  const fence = '`'.repeat(Math.max(3, ...[...cut.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));
  return `${fence}${language}\n${cut}\n${fence}`;
}

const escaped = (text: string) => text.replace(/[\\`*_{}[\]()#+!|<>~]/g, '\\$&');
