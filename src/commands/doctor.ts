/** `tfjs-serving doctor`: what would be used, and what is wrong with it. Exit code 1 when something is. */
import { cpus, totalmem } from 'node:os';

import { loadConfig } from '../config/load';
import { formatShape } from '../kernel/tensor';
import { messageOf } from '../kernel/errors';
import { inspectVersion } from '../models/inspect-model';
import { wantedVersions } from '../models/reconciliation';
import { scanRepository, type RepositoryModel } from '../models/repository';
import { Servable, type ServableRuntimeOptions } from '../models/servable';
import { servableRuntime } from '../models/servable-runtime';
import type { ServableDefaults } from '../models/servable-spec';
import { serverSettings } from '../models/server-settings';
import { packageVersion } from '../process/package-version';
import { int8Instructions } from '../runtime/int8-instructions';
import { environmentWarnings } from '../runtime/placement';

const MIB = 1024 ** 2;

interface Checks {
  readonly defaults: ServableDefaults;
  /** Undefined where TensorFlow is not installed. */
  readonly runtime: ServableRuntimeOptions | undefined;
}

function line(name: string, value: string): void {
  console.log(`${name.padEnd(18)} ${value}`);
}

/** @returns problems found */
async function checkModel(model: RepositoryModel, checks: Checks): Promise<number> {
  console.log(`  ${model.name}`);
  const problems = [...model.problems];
  // Where the folder is at fault, nothing is served of it.
  const served = problems.length === 0 ? wantedVersions(model) : [];
  for (const version of model.versions) {
    try {
      const { spec, directory } = await inspectVersion(model, version, checks.defaults);
      const tensors = [...spec.signature.inputs, ...spec.signature.outputs].map(
        ({ name, tfDtype, shape }) => `${name} ${tfDtype} ${formatShape(shape)}`,
      );
      console.log(`    version ${version}: ${spec.task}; ${tensors.join(' → ')}`);
      for (const assumption of spec.assumptions) console.log(`      assumed ${assumption}`);
      if (checks.runtime !== undefined && served.includes(version)) {
        console.log(`      ${await tryVersion(model, version, directory, checks.runtime, checks)}`);
      }
    } catch (thrown) {
      problems.push(`version ${version}: ${messageOf(thrown)}`);
    }
  }
  for (const problem of problems) console.log(`    PROBLEM: ${problem}`);
  return problems.length;
}

/**
 * Loads a version and runs it once, as the server would, in an instance, which is a process of its own:
 * whatever it does there, the next model is looked at.
 * @throws Error with the reason when it cannot be served
 */
async function tryVersion(
  model: RepositoryModel,
  version: number,
  directory: string,
  runtime: ServableRuntimeOptions,
  { defaults }: Checks,
): Promise<string> {
  const warmup = { iterations: 1, ...model.config.warmup, enabled: true };
  const servable = new Servable({
    source: { ...model, config: { ...model.config, instances: 1, warmup } },
    version,
    directory,
    defaults,
    runtime,
  });
  const started = performance.now();
  try {
    await servable.load();
    const { state, reason, optimization } = servable;
    if (state !== 'AVAILABLE') throw new Error(reason ?? 'it was not loaded');
    const how =
      optimization?.state === 'optimized'
        ? optimization.report.repair === undefined
          ? 'rewritten'
          : 'repaired: the SavedModel does not restore all of its variables'
        : `as it is: ${optimization?.reason ?? ''}`;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    return `loaded and run on the ${(servable.device ?? 'cpu').toUpperCase()} in ${seconds} s, ${how}`;
  } finally {
    servable.kill();
  }
}

async function main(): Promise<void> {
  const config = loadConfig(
    { args: process.argv.slice(2), env: process.env },
    packageVersion(),
    'doctor',
  );
  const settings = serverSettings(config, process.env);
  const { install, plan, device, defaults } = settings;
  let problems = 0;

  line('tfjs-serving', packageVersion());
  line('Node', `${process.version} (${process.platform} ${process.arch})`);
  line('Machine', `${cpus().length} cores, ${(totalmem() / MIB).toFixed(0)} MiB memory`);
  line(
    'Native runtime',
    install === undefined
      ? 'PROBLEM: not installed; run: npx tfjs-serving setup'
      : `TensorFlow ${install.tensorflowVersion}, variant ${install.variant}, ${install.platform}`,
  );
  if (install === undefined) problems += 1;
  else line('Cache', install.cachePath);
  const int8 = int8Instructions();
  line(
    'int8 arithmetic',
    int8.length > 0
      ? `fast: ${int8.join(', ')}`
      : 'slow: this processor has, or tells of, neither AVX-512 VNNI nor AVX-VNNI; convert models to another precision',
  );
  line('Device', plan.device.toUpperCase());
  for (const gpu of plan.gpus) {
    line('  GPU', `${gpu.index ?? gpu.id}: ${gpu.name}, ${gpu.memoryMib ?? '?'} MiB (${gpu.id})`);
  }
  for (const warning of environmentWarnings(plan, process.env)) line('  Warning', warning);
  if (plan.reason !== undefined) line('  No GPU', plan.reason);

  line('Defaults', `${device.instances} instances per model, batches of ${device.maxBatchSize}`);
  console.log(`Models in ${config.modelRepository}`);
  const all = await scanRepository(config.modelRepository);
  const models = all.filter(({ name }) => isWanted(name, config.models));
  if (models.length === 0) console.log('  none');
  for (const name of config.models.filter((one) => all.every((model) => model.name !== one))) {
    console.log(
      `  ${name}\n    PROBLEM: there is no folder "${name}" in ${config.modelRepository}`,
    );
    problems += 1;
  }
  const runtime =
    install === undefined
      ? undefined
      : servableRuntime(config, settings, {
          onCacheProblem: (reason) => {
            line('  Warning', `the cache of rewritten models cannot be written: ${reason}`);
          },
        });
  for (const model of models) {
    problems += await checkModel(model, { defaults, runtime });
  }
  console.log(problems === 0 ? 'Everything is in order.' : `${problems} problem(s) found.`);
  process.exitCode = problems === 0 ? 0 : 1;
}

function isWanted(name: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.includes(name);
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
