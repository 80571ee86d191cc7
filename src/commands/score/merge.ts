import { CliError } from '../exit-codes';
import { KeySet } from './inputs/key-set';
import { pathKey } from './inputs/path-key';
import { formatOf, readRows, ROW_FORMATS } from './rows/read-rows';
import { RowOutput } from './rows/row-output';
import { differences, readFacts, type RunFacts } from './rows/run-facts';

/**
 * Joins the outputs of shards and checks that nothing is missing or double.
 * @returns rows written
 * @throws CliError incomplete naming every shard that is missing, unfinished or overlaps
 */
export async function mergeOutputs(
  target: string,
  parts: readonly string[],
  overwrite: boolean,
): Promise<number> {
  const format = formatOf(target);
  if (format === undefined) {
    throw new CliError(
      'usage',
      `${target}: the name must end with ${ROW_FORMATS.map((f) => `.${f}`).join(', ')}`,
    );
  }
  const found = await Promise.all(parts.map(factsOfPart));
  const first = requireWhole(found);
  const seen = new KeySet();
  const output = await RowOutput.open({
    file: target,
    format,
    facts: { ...first.facts, shard: null, rows: null },
    existing: overwrite ? 'overwrite' : 'refuse',
    onResumed: () => undefined,
  });
  for (const { file, facts } of found) {
    let rows = 0;
    for await (const row of readRows(file)) {
      rows += 1;
      if (!seen.add(pathKey(row))) {
        await output.close(false);
        throw new CliError('incomplete', `${row.root}/${row.path} has a second row, in ${file}`);
      }
      await output.append(row);
    }
    if (rows !== facts.rows) {
      await output.close(false);
      throw new CliError(
        'incomplete',
        `${file} has ${rows} rows; its run wrote ${facts.rows ?? 0}`,
      );
    }
  }
  await output.close(true);
  return seen.size;
}

interface Part {
  readonly file: string;
  readonly facts: RunFacts;
}

async function factsOfPart(file: string): Promise<Part> {
  const facts = await readFacts(file);
  if (facts !== undefined) return { file, facts };
  throw new CliError(
    'incomplete',
    `${file}.run.json is missing: ${file} is not the output of a run`,
  );
}

function requireWhole(parts: readonly Part[]): Part {
  const [first] = parts;
  if (first === undefined) throw new CliError('usage', 'There is nothing to merge');
  const problems: string[] = [];
  const count = first.facts.shard?.count ?? 1;
  const byIndex = new Map<number, string>();
  for (const { file, facts } of parts) {
    if (facts.rows === null) problems.push(`${file} is unfinished: continue with --resume`);
    const differs = differences({ ...first.facts, shard: null }, { ...facts, shard: null });
    if (differs.length > 0)
      problems.push(`${file} differs from ${first.file}: ${differs.join(', ')}`);
    const index = facts.shard?.index ?? 0;
    if ((facts.shard?.count ?? 1) !== count) {
      problems.push(`${file} is a part of ${facts.shard?.count ?? 1}, ${first.file} of ${count}`);
    } else if (byIndex.has(index)) {
      problems.push(`${file} and ${byIndex.get(index) ?? ''} are both shard ${index}`);
    }
    byIndex.set(index, file);
  }
  for (let index = 0; index < count; index++) {
    if (!byIndex.has(index)) problems.push(`shard ${index} of ${count} is missing`);
  }
  if (problems.length > 0) throw new CliError('incomplete', problems.join('\n'));
  return first;
}
