import { describe, expect, test } from 'vitest';
import { findMarks, nearest, parseSource, parseTime } from '../../../language-server/functions/index.ts';

const markOf = (settings: string, eol = '\n') => {
  const text = `/**${eol} * @remote ${settings}${eol} * @param x one${eol} */${eol}function f(x: number) {}`;
  return { text, marked: findMarks(parseSource(text, 'a.ts')).functions[0]! };
};

test.each([
  ['', {}],
  ['endpoint=lab', { endpoint: 'lab' }],
  ['timeout=30s', { timeoutMs: 30_000 }],
  ['timeout=250ms endpoint=gpu-01.lab', { timeoutMs: 250, endpoint: 'gpu-01.lab' }],
  ['timeout=1.5h', { timeoutMs: 5_400_000 }],
  ['timeout=744h', { timeoutMs: 744 * 3_600_000 }],
])('"%s"', (settings, expected) => {
  for (const eol of ['\n', '\r\n'])
    expect(markOf(settings, eol).marked).toMatchObject({ settings: expected, problems: [] });
});

describe('what is wrong is marked to the letter, with what mends it', () => {
  test.each([
    ['endpiont=lab', 'setting-unknown', 'endpiont', ['Change to "endpoint"', 'Remove "endpiont=lab"']],
    ['colour=red', 'setting-unknown', 'colour', ['Remove "colour=red"']],
    ['timeout=30', 'setting-malformed', '30', ['Change to "30s"', 'Remove "timeout=30"']],
    ['timeout=soon', 'setting-malformed', 'soon', ['Remove "timeout=soon"']],
    ['timeout=0s', 'setting-malformed', '0s', ['Remove "timeout=0s"']],
    ['timeout=745h', 'setting-malformed', '745h', ['Remove "timeout=745h"']],
    ['timeout', 'setting-malformed', 'timeout', ['Remove "timeout"']],
    ['endpoint=', 'setting-malformed', 'endpoint=', ['Remove "endpoint="']],
    ['endpoint=-x', 'setting-malformed', '-x', ['Remove "endpoint=-x"']],
    ['endpoint=a endpoint=b', 'setting-twice', 'endpoint=b', ['Remove "endpoint=b"']],
  ])('%s', (settings, code, where, fixes) => {
    const { text, marked } = markOf(settings);
    const [problem] = marked.problems;
    expect(marked.problems).toHaveLength(1);
    expect(problem).toMatchObject({ code, severity: 'error' });
    expect(text.slice(problem!.span.start, problem!.span.end)).toBe(where);
    expect(problem!.fixes.map(({ title }) => title)).toEqual(fixes);
  });

  test('a fix gives a text without the problem', () => {
    for (const settings of ['endpiont=lab', 'timeout=30', 'endpoint=a endpoint=b', 'colour=red timeout=1s']) {
      const { text, marked } = markOf(settings);
      for (const fix of marked.problems[0]!.fixes) {
        const { span, newText } = fix.edits[0]!;
        const mended = text.slice(0, span.start) + newText + text.slice(span.end);
        expect(findMarks(parseSource(mended, 'a.ts')).functions[0]!.problems).toEqual([]);
      }
    }
  });
});

test('nearest is at most two edits away', () => {
  expect(nearest('endpont', ['endpoint', 'timeout'])).toBe('endpoint');
  expect(nearest('colour', ['endpoint', 'timeout'])).toBeUndefined();
});

test('a time in words', () => {
  expect(parseTime('2m')).toBe(120_000);
  expect(() => parseTime('2 minutes')).toThrow(expect.objectContaining({ code: 'request-invalid' }));
});
