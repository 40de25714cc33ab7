/**
 * The language server's program: over stdio (also without any argument), node IPC, a pipe or a socket, as the client's
 * command line says. The same bundle is the compiler thread's.
 */
import { isMainThread } from 'node:worker_threads';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './server.ts';
import { serveCompiler } from './threads/compiler.ts';

function main(): void {
  const transports = ['--stdio', '--node-ipc', '--socket', '--pipe'];
  const chosen = process.argv.some(argument => transports.some(name => argument.startsWith(name)));
  serve(
    chosen
      ? createConnection(ProposedFeatures.all)
      : createConnection(ProposedFeatures.all, process.stdin, process.stdout),
  );
}

if (isMainThread) main();
else serveCompiler();
