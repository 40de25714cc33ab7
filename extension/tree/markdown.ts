import { MarkdownString } from 'vscode';

/** A tooltip of facts: a title, then one line for each fact that is known. What comes from outside is only text. */
export function factsMarkdown(title: string, facts: [label: string, value: string | undefined][]): MarkdownString {
  const markdown = new MarkdownString();
  markdown.appendMarkdown('**').appendText(title).appendMarkdown('**\n\n');
  for (const [label, value] of facts) {
    if (value === undefined || value === '') continue;
    markdown.appendText(`${label}: ${oneLine(value)}`).appendMarkdown('  \n');
  }
  return markdown;
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, 500);
