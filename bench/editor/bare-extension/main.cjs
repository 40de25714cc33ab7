// A lens in bare.ts that puts another number at the end of its line at each click.
const { commands, languages, Range, window } = require('vscode');

exports.activate = context => {
  const decoration = window.createTextEditorDecorationType({});
  let count = 0;
  context.subscriptions.push(
    decoration,
    commands.registerCommand('bare.start', () => {}),
    commands.registerCommand('bare.show', () => {
      count += 1;
      const editor = window.activeTextEditor;
      const { end } = editor.document.lineAt(0).range;
      const after = { contentText: `= bare ${count}` };
      editor.setDecorations(decoration, [{ range: new Range(end, end), renderOptions: { after } }]);
    }),
    languages.registerCodeLensProvider(
      { pattern: '**/bare.ts' },
      {
        provideCodeLenses: () => [
          { range: new Range(0, 0, 0, 0), isResolved: true, command: { title: 'Show', command: 'bare.show' } },
        ],
      },
    ),
  );
};
