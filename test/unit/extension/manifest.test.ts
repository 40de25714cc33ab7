import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  colors,
  commands,
  contextKeys,
  languages,
  PANEL_TYPE,
  schemes,
  settings,
  views,
  WALKTHROUGH,
} from '../../../extension/ids.ts';
import manifest from '../../../package.json';
import nls from '../../../package.nls.json';

const root = join(import.meta.dirname, '../../..');
const { contributes } = manifest;
const text = JSON.stringify(manifest);
const sorted = (items: Iterable<string>) => [...new Set(items)].sort();

describe('the ids in ids.ts are those of package.json', () => {
  test('commands', () => {
    expect(sorted(contributes.commands.map(({ command }) => command))).toEqual(sorted(Object.values(commands)));
  });

  test('every command has its own file, and no file is left over', () => {
    const files = readdirSync(join(root, 'extension/commands')).map(file => file.replace(/\.ts$/, ''));
    expect(files.filter(file => !['command', 'arguments', 'index'].includes(file)).sort()).toEqual(
      sorted(Object.keys(commands)),
    );
  });

  test('menus and keybindings name commands there are', () => {
    const named = [...Object.values(contributes.menus).flat(), ...contributes.keybindings].map(
      ({ command }) => command,
    );
    expect(named.filter(command => !Object.values<string>(commands).includes(command))).toEqual([]);
  });

  test('links in texts name commands there are', () => {
    const links = [...JSON.stringify(nls).matchAll(/\(command:([\w.]+)\)/g)].map(([, command]) => command!);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter(command => !Object.values<string>(commands).includes(command))).toEqual([]);
  });

  test('views', () => {
    const ids = [...contributes.viewsContainers.activitybar, ...contributes.views.runabout].map(({ id }) => id);
    expect(sorted(ids)).toEqual(sorted(Object.values(views)));
  });

  test('settings', () => {
    const keys = contributes.configuration.flatMap(({ properties }) => Object.keys(properties));
    expect(sorted(keys)).toEqual(sorted(Object.values(settings)));
  });

  test('colours', () => {
    expect(sorted(contributes.colors.map(({ id }) => id))).toEqual(sorted(Object.values(colors)));
  });

  test('context keys in when clauses', () => {
    const clauses = [...text.matchAll(/"(?:when|enablement)":"((?:[^"\\]|\\.)*)"/g)].map(([, clause]) => clause!);
    const events = manifest.contributes.walkthroughs.flatMap(({ steps }) =>
      steps.flatMap(step => step.completionEvents),
    );
    // Without literals to compare with: regular expressions, and the ids of views and schemes.
    const bare = [...clauses, ...events.map(event => event.replace(/^onContext:|^onCommand:.*/, ''))].map(clause =>
      clause.replace(/=~\s*\/(?:[^/\\]|\\.)*\//g, '').replace(/(==|!=)\s*[\w.-]+/g, ''),
    );
    const used = sorted(bare.flatMap(clause => clause.match(/\brunabout\.\w+/g) ?? []));
    expect(used).toEqual(sorted(Object.values(contextKeys)));
  });

  test('schemes, languages, the panel and the walkthrough', () => {
    expect(manifest.activationEvents).toEqual([
      ...languages.map(language => `onLanguage:${language}`),
      `onFileSystem:${schemes.arguments}`,
      `onWebviewPanel:${PANEL_TYPE}`,
    ]);
    expect(contributes.walkthroughs.map(({ id }) => id)).toEqual([WALKTHROUGH]);
  });
});

describe('texts', () => {
  test('every placeholder has a text, and every text is used', () => {
    const used = [...text.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!);
    expect(sorted(used)).toEqual(sorted(Object.keys(nls)));
  });

  test('commands are in title case, without emoji', () => {
    const titles = contributes.commands.map(({ title }) => (nls as Record<string, string>)[title.replaceAll('%', '')]!);
    const small = new Set(['on', 'as', 'to', 'and', 'with', 'of', 'a']);
    const wrong = titles.filter(title => title.split(' ').some(word => !small.has(word) && !/^[A-Z]/.test(word)));
    expect(wrong).toEqual([]);
    expect(Object.values(nls).filter(value => /\p{Extended_Pictographic}/u.test(value))).toEqual([]);
  });
});

test('files that package.json names are there', () => {
  const files = [...text.matchAll(/"((?:\.\/)?(?:extension\/media|syntaxes)\/[^"]+)"/g)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(9);
  expect(files.filter(file => !existsSync(join(root, file)))).toEqual([]);
});

test('at most two inline actions on any row', () => {
  const rows = {
    'runabout.endpoints': ['endpoint;online;', 'endpoint;online;chosen;', 'endpoint;offline;', 'endpoint;new;'],
    'runabout.functions': ['function;', 'function;source;'],
    'runabout.tasks': [
      'queued;cancellable',
      'running;cancellable',
      'cancelling',
      'succeeded;ended',
      'failed;ended',
    ].map(state => `task;${state};`),
  };
  for (const [view, values] of Object.entries(rows)) {
    for (const value of values) {
      const inline = contributes.menus['view/item/context'].filter(
        ({ when, group }) => group.startsWith('inline') && holds(when, view, value),
      );
      expect(inline.length, `${view} ${value}`).toBeGreaterThan(0);
      expect(inline.length, `${view} ${value}`).toBeLessThanOrEqual(2);
    }
  }
});

/** Whether a when clause of our own simple kind holds for a row. */
function holds(when: string, view: string, viewItem: string): boolean {
  return when.split(' && ').every(term => {
    const [, key, operator, right] = /^(\w+) (==|=~) (.*)$/.exec(term)!;
    const value = key === 'view' ? view : viewItem;
    return operator === '==' ? value === right : new RegExp(right!.slice(1, -1)).test(value);
  });
}

test('secrets have no setting', () => {
  expect(Object.values(settings).filter(key => /token|secret|password/i.test(key))).toEqual([]);
  expect(readFileSync(join(root, 'package.json'), 'utf8')).not.toMatch(/"runabout\.token/);
});
