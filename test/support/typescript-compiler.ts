import path from 'node:path';

import ts from 'typescript';

import { ROOT } from './markdown';

/**
 * What the compiler says of ES modules that import the package, as strict as it can be.
 * @param modules text of each, by name
 */
export function compilerMessages(modules: Readonly<Record<string, string>>): string[] {
  const files = new Map(
    Object.entries(modules).map(([name, text]) => [path.join(ROOT, `${name}.mts`), text]),
  );
  const options: ts.CompilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.Node20,
    // And the browser's, which are the default.
    types: ['node'],
    // As package.json exports them, but of the sources: the build may be older.
    paths: { 'tfjs-serving/client': [path.join(ROOT, 'src/client/index.ts')] },
  };
  const host = ts.createCompilerHost(options);
  const onDisk = { ...host };
  host.fileExists = (file) => files.has(file) || onDisk.fileExists(file);
  host.readFile = (file) => files.get(file) ?? onDisk.readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = files.get(file);
    return text === undefined
      ? onDisk.getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, text, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) =>
        `${path.basename(file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
}
