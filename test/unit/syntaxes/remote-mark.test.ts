import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from 'vitest';
import oniguruma from 'vscode-oniguruma';
import textmate from 'vscode-textmate';
import manifest from '../../../package.json' with { type: 'json' };

const require = createRequire(import.meta.url);
const injection = readFileSync(
  new URL('../../../syntaxes/remote-mark.injection.tmLanguage.json', import.meta.url),
  'utf8',
);

/** As much of a host grammar as the injection meets: the documentation comment, with its own rule for tags. */
const host = (scopeName: string, suffix: string) =>
  JSON.stringify({
    scopeName,
    patterns: [
      {
        name: `comment.block.documentation.${suffix}`,
        begin: '/\\*\\*(?!/)',
        end: '\\*/',
        patterns: [{ match: '(@)(?:remote|param|example)\\b', name: 'storage.type.class.jsdoc' }],
      },
      { name: `comment.block.${suffix}`, begin: '/\\*', end: '\\*/' },
      { name: `string.quoted.${suffix}`, match: '"[^"]*"' },
    ],
  });

/** VS Code's own injection into the same comments: it takes the asterisk at the beginning of each line. */
const jsdoc = JSON.stringify({
  scopeName: 'documentation.injection',
  injectionSelector: 'L:comment.block.documentation',
  patterns: [
    {
      begin: '(?<=/\\*\\*)([^*]|\\*(?!/))*$',
      while: '(^|\\G)\\s*\\*(?!/)(?=([^*]|[*](?!/))*$)',
      patterns: [{ match: '(@)(?:remote|param|example)\\b', name: 'storage.type.class.jsdoc' }],
    },
  ],
});

const hosts = { 'source.ts': 'ts', 'source.tsx': 'tsx', 'source.js': 'js', 'source.js.jsx': 'js.jsx' };

async function grammarOf(scopeName: keyof typeof hosts, injections: string[]): Promise<textmate.IGrammar> {
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: patterns => oniguruma.createOnigScanner(patterns),
      createOnigString: text => oniguruma.createOnigString(text),
    }),
    loadGrammar: async name =>
      textmate.parseRawGrammar(
        { 'runabout.remote-mark': injection, 'documentation.injection': jsdoc }[name] ??
          host(name, hosts[name as 'source.ts']),
        `${name}.json`,
      ),
    getInjections: () => injections,
  });
  return (await registry.loadGrammar(scopeName))!;
}

/** The words of a text that the injection names, each with the innermost of its scopes. */
async function coloured(
  text: string,
  scopeName: keyof typeof hosts = 'source.ts',
  injections = ['runabout.remote-mark'],
): Promise<[string, string][]> {
  const grammar = await grammarOf(scopeName, injections);
  let stack = textmate.INITIAL;
  const found: [string, string][] = [];
  for (const line of text.split('\n')) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    stack = ruleStack;
    for (const { startIndex, endIndex, scopes } of tokens) {
      const scope = scopes.at(-1)!;
      if (scope.endsWith('.runabout') && !scope.startsWith('meta.'))
        found.push([line.slice(startIndex, endIndex), scope]);
    }
  }
  return found;
}

beforeAll(async () => {
  await oniguruma.loadWASM(readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')).buffer as ArrayBuffer);
});

const mark: [string, string][] = [
  ['@', 'punctuation.definition.remote.runabout'],
  ['remote', 'keyword.control.remote.runabout'],
];
const endpoint = (name: string): [string, string][] => [
  ['endpoint', 'entity.other.attribute-name.runabout'],
  ['=', 'keyword.operator.assignment.runabout'],
  [name, 'string.unquoted.endpoint.runabout'],
];
const timeout = (number: string, unit: string): [string, string][] => [
  ['timeout', 'entity.other.attribute-name.runabout'],
  ['=', 'keyword.operator.assignment.runabout'],
  [number, 'constant.numeric.timeout.runabout'],
  [unit, 'keyword.other.unit.runabout'],
];

describe('the mark and its settings', () => {
  test.each(Object.keys(hosts) as (keyof typeof hosts)[])('in %s', async scopeName => {
    const text = '/**\n * Mean.\n * @remote endpoint=lab-1 timeout=1.5h\n */\nfunction mean() {}';
    expect(await coloured(text, scopeName)).toEqual([...mark, ...endpoint('lab-1'), ...timeout('1.5', 'h')]);
  });

  test('in a comment of one line, up to its end', async () => {
    expect(await coloured('/** @remote timeout=30s*/ timeout=30s')).toEqual([...mark, ...timeout('30', 's')]);
    expect(await coloured('/** @remote */')).toEqual(mark);
  });

  test('a value that is none stays plain', async () => {
    expect(await coloured('/** @remote timeout=soon nonsense=1 */')).toEqual([...mark, ...timeout('', '').slice(0, 2)]);
  });
});

test.each([
  ['a word that only begins like it', '/** @remotely */'],
  ['prose', '/** Runs @remote things. */'],
  ['a comment without two stars', '/* @remote endpoint=lab */'],
  ['a string', '"@remote endpoint=lab"'],
  ['settings on the next line', '/**\n * endpoint=lab\n */'],
])('leaves alone %s', async (_, text) => {
  expect(await coloured(text)).toEqual([]);
});

test('is the grammar of the manifest', () => {
  const [grammar] = manifest.contributes.grammars;
  expect(grammar!.scopeName).toBe(JSON.parse(injection).scopeName);
  expect(grammar!.injectTo).toEqual(Object.keys(hosts));
});

test("beside VS Code's own injection for JSDoc, which comes first", async () => {
  const text = '/**\n * Adds.\n * @remote endpoint=lab\n * see @remote\n */';
  const injections = ['documentation.injection', 'runabout.remote-mark'];
  expect(await coloured(text, 'source.ts', injections)).toEqual([...mark, ...endpoint('lab')]);
});
