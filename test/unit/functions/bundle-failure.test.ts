import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BundleError } from '../../../language-server/functions/index.ts';
import { bundle, M, project } from './support/bundles.ts';

describe('before anything is sent', () => {
  const failing = async (files: Record<string, string>, file = 'a.ts') => {
    const root = project(files);
    const error = (await bundle(root, file).catch(thrown => thrown)) as BundleError;
    return { root, error };
  };

  test.each([
    ["import x from './nowhere.ts';", 'import', '"./nowhere.ts" cannot be found.', "'./nowhere.ts'"],
    ["import x from 'not-installed';", 'import', '"not-installed" cannot be found.', "'not-installed'"],
    [
      "import x from './addon.node';",
      'native',
      '"./addon.node" is a native add-on: it is compiled for one machine and cannot be sent.',
      "'./addon.node'",
    ],
    ["import { x } from './b.ts';", 'import', 'No matching export in "b.ts" for import "x".', 'x'],
    [
      "import x from './picture.png';",
      'import',
      'Files of this kind cannot go into a bundle: picture.png.',
      "'./picture.png'",
    ],
  ])('%s', async (line, kind, message, where) => {
    const text = `// é\n${line}\n${M}export const f = () => x;`;
    const { root, error } = await failing({
      'a.ts': text,
      'b.ts': 'export const y = 1;',
      'addon.node': '',
      'picture.png': '',
    });
    expect(error.code).toBe('bundle-failed');
    expect(error.problems).toMatchObject([{ kind, message, place: { file: join(root, 'a.ts'), line: 2 } }]);
    const { column, length } = error.problems[0]!.place!;
    expect(line.slice(column, column + length)).toBe(where);
  });

  test('what is wrong deeper is told at the import that leads there', async () => {
    const { root, error } = await failing({
      'a.ts': `import { one } from './one.ts';\nimport y from "pkg";\n${M}export const f = () => one + y;`,
      'one.ts': "import gone from './gone.ts';\nexport const one = gone;",
      'node_modules/pkg/package.json': '{ "name": "pkg", "main": "main.js" }',
      'node_modules/pkg/main.js': "module.exports = require('./lib.js');",
      'node_modules/pkg/lib.js': "module.exports = require('./build/binding.node');",
    });
    expect(error.problems.toSorted((a, b) => a.via!.line - b.via!.line)).toMatchObject([
      {
        kind: 'import',
        message: '"./gone.ts" cannot be found. (in one.ts:1)',
        place: { file: join(root, 'one.ts') },
        via: { line: 1, column: 20, length: 10 },
      },
      { kind: 'native', via: { file: join(root, 'a.ts'), line: 2, column: 14, length: 5 } },
    ]);
  });

  test('a package that finds its add-on at run time is a warning, at its import', async () => {
    const root = project({
      'a.ts': `import db from 'database';\n${M}export const f = () => db;`,
      'node_modules/database/package.json': '{ "name": "database" }',
      'node_modules/database/index.js': "module.exports = require('bindings')('database');",
      'node_modules/bindings/package.json': '{ "name": "bindings" }',
      'node_modules/bindings/index.js': 'module.exports = name => name;',
    });
    const { warnings } = await bundle(root, 'a.ts');
    expect(warnings).toMatchObject([{ kind: 'native', place: { line: 1, column: 15, length: 10 } }]);
    expect(warnings[0]!.message).toContain('"database"');
  });

  test('a bundle over the limit says how large each package is', async () => {
    const { error } = await failing({
      'a.ts': `import big from 'big';\n${M}export const f = () => big.length;`,
      'node_modules/big/package.json': '{ "name": "big", "type": "module" }',
      'node_modules/big/index.js': `export default ${JSON.stringify('x'.repeat(25 * 1024 * 1024))};`,
    });
    expect(error).toMatchObject({ code: 'bundle-too-large' });
    expect(error.message).toMatch(
      /^The bundle has 25\.0 MiB; 24\.0 MiB is the most\. The largest parts: big 25\.0 MiB, \(your code\) 0\.0 MiB\.$/,
    );
  });

  test('a function that is marked but cannot run', async () => {
    const { error } = await failing({
      'a.ts': `function g() { const secret = 1;\n${M}function f() { return secret; } }`,
    });
    expect(error).toMatchObject({ code: 'function-not-markable', message: expect.stringContaining('"secret"') });
  });
});
