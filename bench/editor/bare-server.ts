// The peer of the language server: the same LSP library and text synchronisation, and no lenses. What it takes is what
// any server takes.
import { createConnection, ProposedFeatures, TextDocumentSyncKind, TextDocuments } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';

const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
const documents = new TextDocuments(TextDocument);
documents.listen(connection);
connection.onInitialize(() => ({
  capabilities: { textDocumentSync: TextDocumentSyncKind.Incremental, codeLensProvider: {} },
}));
connection.onCodeLens(() => []);
connection.listen();
