// Stands in for @vscode/spdlog, whose native module would need a compiler: the same functions over appendFileSync.
// Without a working one every Output channel of VS Code stays empty, and nothing says so.
const { appendFileSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];
const methods = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];
let globalLevel = levels.indexOf('info');

class Logger {
  #file;
  #level;
  #raw = false;

  constructor(_kind, _name, file) {
    this.#file = file;
    if (file) mkdirSync(dirname(file), { recursive: true });
    for (const [level, method] of methods.entries()) this[method] = text => this.#write(level, text);
  }

  #write(level, text) {
    if (!this.#file || level < this.getLevel()) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    appendFileSync(this.#file, this.#raw ? text : `${time} [${levels[level]}] ${text}\n`);
  }

  getLevel() {
    return this.#level ?? globalLevel;
  }
  setLevel(level) {
    this.#level = level;
  }
  setPattern() {
    this.#raw = false;
  }
  clearFormatters() {
    this.#raw = true;
  }
  flush() {}
  drop() {
    this.#file = undefined;
  }
}

const create = async (name, file) => new Logger('rotating', name, file);

// One by one: VS Code imports this as an ES module, and only this form gives it named exports.
exports.version = 11100;
exports.setLevel = level => {
  globalLevel = level;
};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
