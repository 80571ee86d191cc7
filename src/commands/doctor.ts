/** `npm run doctor`: what would be used, and what is wrong with it. Exit code 1 when something is. */
import { cpus, totalmem } from 'node:os';

import { loadConfig } from '../config/load';
import { inspectVersion } from '../models/inspect-model';
import { scanRepository, versionDirectory, type RepositoryModel } from '../models/repository';
import type { ServableDefaults } from '../models/servable-spec';
import { serverSettings } from '../models/server-settings';
import { packageVersion } from '../process/package-version';
import { ProcessInstance } from '../runtime/instance';
import { environmentWarnings, type Placement } from '../runtime/placement';
import { formatShape } from '../kernel/tensor';
import { messageOf } from '../kernel/errors';

const MIB = 1024 ** 2;
/** Long enough for TensorFlow to start and load a large model from a cold disk. */
const TRY_TIMEOUT_MS = 120_000;

function line(name: string, value: string): void {
  console.log(`${name.padEnd(18)} ${value}`);
}

/** @returns problems found */
async function checkModel(model: RepositoryModel, defaults: ServableDefaults): Promise<number> {
  console.log(`  ${model.name}`);
  const problems = [...model.problems];
  for (const version of model.versions) {
    try {
      const { spec } = await inspectVersion(model, version, defaults);
      const tensors = [...spec.signature.inputs, ...spec.signature.outputs].map(
        ({ name, tfDtype, shape }) => `${name} ${tfDtype} ${formatShape(shape)}`,
      );
      console.log(`    version ${version}: ${spec.task}; ${tensors.join(' → ')}`);
      for (const assumption of spec.assumptions) console.log(`      assumed ${assumption}`);
    } catch (thrown) {
      problems.push(`version ${version}: ${messageOf(thrown)}`);
    }
  }
  for (const problem of problems) console.log(`    PROBLEM: ${problem}`);
  return problems.length;
}

/** Loads a model in an instance: nothing else shows which device TensorFlow really takes. */
async function tryRuntime(
  models: readonly RepositoryModel[],
  placement: Placement,
): Promise<string> {
  const [model] = models.filter(({ problems }) => problems.length === 0);
  const version = model?.versions.at(-1);
  if (model === undefined || version === undefined) return 'not tried: there is no model to load';
  const instance = new ProcessInstance({
    directory: await versionDirectory(model.directory, version),
    placement,
    runTimeoutMs: TRY_TIMEOUT_MS,
    loadTimeoutMs: TRY_TIMEOUT_MS,
  });
  const { device, tensorflowVersion, loadMs } = await instance.ready;
  await instance.close();
  return `TensorFlow ${tensorflowVersion} loaded ${model.name} on the ${device.toUpperCase()} in ${loadMs.toFixed(0)} ms`;
}

async function main(): Promise<void> {
  const config = loadConfig({ args: process.argv.slice(2), env: process.env }, packageVersion());
  const { install, plan, device, defaults, place } = serverSettings(config, process.env);
  let problems = 0;

  line('tfjs-serving', packageVersion());
  line('Node', `${process.version} (${process.platform} ${process.arch})`);
  line('Machine', `${cpus().length} cores, ${(totalmem() / MIB).toFixed(0)} MiB memory`);
  line(
    'Native runtime',
    install === undefined
      ? 'PROBLEM: not installed; run: npm run setup'
      : `TensorFlow ${install.tensorflowVersion}, variant ${install.variant}, ${install.platform}`,
  );
  if (install === undefined) problems += 1;
  else line('Cache', install.cachePath);
  line('Device', plan.device.toUpperCase());
  for (const gpu of plan.gpus) {
    line('  GPU', `${gpu.index ?? gpu.id}: ${gpu.name}, ${gpu.memoryMib ?? '?'} MiB (${gpu.id})`);
  }
  for (const warning of environmentWarnings(plan, process.env)) line('  Warning', warning);
  if (plan.reason !== undefined) line('  No GPU', plan.reason);

  line('Defaults', `${device.instances} instances per model, batches of ${device.maxBatchSize}`);
  console.log(`Models in ${config.modelRepository}`);
  const models = await scanRepository(config.modelRepository);
  if (models.length === 0) console.log('  none');
  for (const model of models) {
    problems += await checkModel(model, defaults);
  }
  const [placement] = place({
    instances: 1,
    threads: undefined,
    gpuMemoryMiB: config.gpuMemoryMiB,
  });
  if (install !== undefined && placement !== undefined) {
    line('Trial', await tryRuntime(models, placement));
  }
  console.log(problems === 0 ? 'Everything is in order.' : `${problems} problem(s) found.`);
  process.exitCode = problems === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
