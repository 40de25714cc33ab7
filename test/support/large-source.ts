import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const zod = join(dirname(createRequire(import.meta.url).resolve('zod/package.json')), 'src', 'v4');

/**
 * Real TypeScript of at least so many lines, zod's own, with every fifth of its functions marked.
 * @returns the text, and the names of the marked functions in order
 */
export function largeSource(lines: number): { text: string; marked: string[] } {
  const parts = ['classic/schemas.ts', 'mini/schemas.ts', 'core/util.ts', 'core/schemas.ts'].map(file =>
    readFileSync(join(zod, file), 'utf8'),
  );
  let text = '';
  for (let i = 0; text.split('\n').length < lines; i++) text += parts[i % parts.length]!;
  const marked: string[] = [];
  let count = 0;
  text = text.replace(/^export function (\w+)(?=.*\{$)/gm, (declaration, name: string) => {
    if (count++ % 5 !== 0) return declaration;
    marked.push(name);
    return `/** @remote timeout=30s */\n${declaration}`;
  });
  return { text, marked };
}
