import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Project, ts } from 'ts-morph';
import type { Overlays } from '../bundle/entry.ts';
import { projectOf } from '../project.ts';

/** The type checker's view of one file: its tree and the checker that knows its imports. */
export interface Checked {
  source: ts.SourceFile;
  checker: ts.TypeChecker;
}

/**
 * Type-checks single files with what they import. The first time costs about a second (the library types are read);
 * then one project per root is kept.
 */
export class Compiler {
  readonly #projects = new Map<string, Project>();

  /** @param text of the file; it need not be saved */
  check(file: string, text: string, overlays: Overlays = new Map()): Checked {
    const project = this.#project(file, text);
    for (const source of project.getSourceFiles()) {
      if (!source.isInNodeModules()) source.refreshFromFileSystemSync();
    }
    for (const [name, content] of overlays) {
      if (project.getSourceFile(name)) project.createSourceFile(name, content, { overwrite: true });
    }
    const source = project.createSourceFile(file, text, { overwrite: true });
    // What it imports becomes part of the project, so that the next check sees its changes.
    project.resolveSourceFileDependencies();
    return { source: source.compilerNode, checker: project.getTypeChecker().compilerObject };
  }

  #project(file: string, text: string): Project {
    const tsconfig = nearestConfig(file);
    // Node's types are large: they are read only where a parameter may be a Buffer.
    const types = /\bBuffer\b/.test(text) ? ['node'] : [];
    const key = `${tsconfig ?? projectOf(file).root}\n${types}`;
    let project = this.#projects.get(key);
    if (!project) {
      const compilerOptions = { ...fallbackOptions, types };
      project = tsconfig
        ? new Project({ tsConfigFilePath: tsconfig, skipAddingFilesFromTsConfig: true, compilerOptions: { types } })
        : new Project({ compilerOptions });
      if (this.#projects.size >= 4) this.#projects.delete(this.#projects.keys().next().value!);
      this.#projects.set(key, project);
    }
    return project;
  }
}

const fallbackOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowJs: true,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  strict: true,
  noEmit: true,
};

/** The configuration of the file's project; one further up is of something else. */
function nearestConfig(file: string): string | undefined {
  const { root } = projectOf(file);
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const config = join(folder, 'tsconfig.json');
    if (existsSync(config)) return config;
    if (folder === root || folder === dirname(folder)) return undefined;
  }
}
