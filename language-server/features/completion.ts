import { type CompletionItem, CompletionItemKind, type Range } from 'vscode-languageserver/node';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import type { OpenDocument } from '../documents/open-document.ts';
import { settingNames } from '../functions/index.ts';

/**
 * Completions inside a JSDoc comment: `@remote` after an `@`, the settings behind it, and names of endpoints.
 * @param endpoints asked for only where a name may stand
 */
export async function completions(
  document: OpenDocument,
  offset: number,
  endpoints: () => Promise<EndpointRecord[]>,
): Promise<CompletionItem[] | null> {
  const { text } = document;
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  if (!inJsDoc(text, offset)) return null;
  const range = (length: number) => document.rangeOf({ start: offset - length, end: offset });

  const tag = /(?:^\s*\*?|\/\*\*)\s*(@\w*)$/.exec(line)?.[1];
  if (tag !== undefined) {
    if (!'@remote'.startsWith(tag)) return null;
    return [
      {
        label: '@remote',
        kind: CompletionItemKind.Keyword,
        detail: 'Runabout: this function can run on a remote endpoint',
        textEdit: { range: range(tag.length), newText: '@remote' },
        filterText: '@remote',
      },
    ];
  }
  const settings = /(?:^\s*\*?|\/\*\*)\s*@remote(?=\s)(.*)$/.exec(line)?.[1];
  if (settings === undefined) return null;
  const word = /\S*$/.exec(settings)![0];
  if (word.startsWith('endpoint=')) return endpointNames(await endpoints(), word.slice(9), range);
  if (word.startsWith('timeout=')) {
    return ['30s', '5m', '1h'].map(label => ({
      label,
      kind: CompletionItemKind.Value,
      textEdit: { range: range(word.length - 8), newText: label },
      filterText: label,
    }));
  }
  if (word.includes('=')) return null;
  const used = new Set(settings.split(/\s+/).map(part => part.split('=')[0]));
  return Object.entries(settingNames)
    .filter(([name]) => !used.has(name))
    .map(([name, detail]) => ({
      label: `${name}=`,
      kind: CompletionItemKind.Property,
      detail,
      textEdit: { range: range(word.length), newText: `${name}=` },
      filterText: name,
      // Values complete at once.
      command: { title: 'Suggest', command: 'editor.action.triggerSuggest' },
    }));
}

function endpointNames(all: EndpointRecord[], typed: string, range: (length: number) => Range): CompletionItem[] {
  return all.map(({ name, status, description }) => ({
    label: name,
    kind: CompletionItemKind.Value,
    detail: [status.state, description].filter(Boolean).join(' · '),
    textEdit: { range: range(typed.length), newText: name },
    filterText: name,
  }));
}

/** Whether the offset stands in a comment that begins with two stars, by the nearest comment mark before it. */
function inJsDoc(text: string, offset: number): boolean {
  const start = text.lastIndexOf('/**', offset - 1);
  return start >= 0 && start + 3 <= offset && !text.slice(start + 3, offset).includes('*/');
}
