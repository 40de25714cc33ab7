// Mocha's spec reporter, with a mark (a word joiner, which nobody sees) before each line: the console of an extension
// host holds much else, and vscode-shim.mjs prints the marked lines only.
const { format } = require('node:util');
const { reporters } = require('mocha');

reporters.Base.consoleLog = (...args) => {
  for (const line of format(...args).split('\n')) console.log(`\u2060${line}`);
};

module.exports = reporters.Spec;
