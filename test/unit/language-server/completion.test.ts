import { expect, test } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { OpenDocument } from '../../../language-server/documents/open-document.ts';
import { completions } from '../../../language-server/features/completion.ts';
import type { EndpointRecord } from '../../../protocol/client-broker/endpoints.ts';

const lab = { name: 'lab', status: { state: 'online' } } as EndpointRecord;

async function at(written: string): Promise<string[] | undefined> {
  const text = written.replace('|', '');
  const document = new OpenDocument(TextDocument.create('file:///p/a.ts', 'typescript', 1, text), '/p/a.ts', {
    isUntitled: false,
    dirty: false,
  });
  return (await completions(document, written.indexOf('|'), async () => [lab]))?.map(({ label }) => label);
}

test.each([
  ['/**\n * @|\n */', ['@remote']],
  ['/** @re|*/', ['@remote']],
  ['/**\n * @remote |\n */', ['endpoint=', 'timeout=']],
  ['/**\n * @remote time|\n */', ['endpoint=', 'timeout=']],
  ['/**\n * @remote timeout=1s |\n */', ['endpoint=']],
  ['/**\n * @remote endpoint=|\n */', ['lab']],
  ['/**\r\n * @remote timeout=1s endpoint=l|\r\n */', ['lab']],
  ['/** @remote timeout=| */', ['30s', '5m', '1h']],
  ['/**\n * @remote other=|\n */', undefined],
  ['/**\n * @param |\n */', undefined],
  ['/**\n * Mail me @ |\n */', undefined],
  ['/* @| */', undefined],
  ['/** closed */ const a = "@|";', undefined],
  ['@|', undefined],
])('%j', async (text, labels) => {
  expect(await at(text)).toEqual(labels);
});
