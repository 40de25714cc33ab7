// What a person at the editor waits for: lenses after a key, a result after a click, the extension at the start.
import { parseArgs } from 'node:util';
import { machine } from '../machine.ts';
import { activation } from './activation.ts';
import { click } from './click.ts';
import { makeProject } from './project.ts';
import { typing } from './typing.ts';
import { startVsCode } from './vscode.ts';

/**
 * Options: `--only typing|click|activation` for one part; `--keys N` in each rhythm (default 300), `--clicks N` of each
 * kind (default 40), `--windows N` (default 7).
 *
 * - typing: from the key (the change and the question sent over stdio) to the lenses
 * - click: from the click on a lens to the result on the line, in the page
 * - activation: what VS Code says that loading the extension and calling `activate` took
 */
export async function editor(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      keys: { type: 'string', default: '300' },
      clicks: { type: 'string', default: '40' },
      windows: { type: 'string', default: '7' },
    },
  });
  const wanted = (part: string) => values.only === undefined || values.only === part;
  const project = makeProject();
  try {
    const figures: Record<string, unknown> = {};
    if (wanted('typing')) figures.typing = await typing(project, Number(values.keys));
    if (wanted('click') || wanted('activation')) {
      const vscode = await startVsCode();
      try {
        if (wanted('activation')) figures.activation = await activation(vscode, project.folder, Number(values.windows));
        if (wanted('click')) figures.click = await click(vscode, project, Number(values.clicks));
      } finally {
        await vscode.stop();
      }
    }
    return { bench: 'editor', machine: machine(), ...figures };
  } finally {
    project.remove();
  }
}
