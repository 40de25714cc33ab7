/** Why a task did not succeed: the function's own error with its causes and frames, or what kept it from running. */
import type { ErrorKind } from '../../protocol/panel/messages.ts';
import type { Frame, TaskError } from '../../protocol/tasks/error.ts';
import { el } from '../dom.ts';
import { send } from '../host.ts';
import './error.css';

/** A chain of causes may be long, or built to be. */
const MOST_CAUSES = 16;

const whoseWords = {
  function: 'Your function failed',
  request: 'The request was refused',
  endpoint: 'The endpoint could not run it',
  broker: 'The broker failed',
} as const;

export function errorView(error: TaskError, kind: ErrorKind | undefined): HTMLElement {
  return el(
    'section',
    { class: `error whose-${kind?.whose ?? 'function'}`, 'aria-label': 'Error' },
    kind && el('p', { class: 'error-whose' }, `${whoseWords[kind.whose]}. `, el('span', { class: 'note' }, kind.title)),
    ...chain(error),
    error.hint !== undefined && el('p', { class: 'error-hint' }, error.hint),
    error.stack !== undefined &&
      el(
        'details',
        {},
        el('summary', {}, 'Stack as text'),
        el('pre', { class: 'error-stack', tabindex: 0 }, error.stack),
      ),
  );
}

function* chain(error: TaskError): Generator<HTMLElement> {
  let each: TaskError | undefined = error;
  for (let depth = 0; each && depth < MOST_CAUSES; depth++, each = each.cause) {
    yield el(
      'div',
      { class: 'error-step' },
      depth > 0 && el('p', { class: 'error-caused' }, 'Caused by'),
      el(
        'p',
        { class: 'error-message' },
        each.name !== undefined && el('strong', {}, each.name),
        each.name !== undefined && each.message !== '' && ': ',
        each.message,
      ),
      each.frames && each.frames.length > 0 && el('ol', { class: 'error-frames' }, ...each.frames.map(frame)),
    );
  }
}

/** A frame in a file of the user's opens that file; one of Node's own or of the bundle is only told. */
function frame({ name, file, line, column }: Frame): HTMLElement {
  const place = `${file}:${line}:${column}`;
  const called = name || '(top level)';
  if (/^node:|^bundle\b|\bnode_modules\//.test(file)) {
    return el('li', { class: 'error-frame foreign' }, `${called} `, el('span', { class: 'error-place' }, place));
  }
  const link = el('button', { class: 'link error-place', type: 'button', title: `Open ${place}` }, place);
  link.addEventListener('click', () => send({ t: 'open-frame', file, line, column }));
  return el('li', { class: 'error-frame' }, `${called} `, link);
}
