import type { RepositoryModel } from '../../models/repository';
import { DEFAULT_VERSION_POLICY, selectVersions } from '../../models/version-policy';
import type { ConversionReport } from './report';

/** Less than this is noise. */
const NOTICEABLE = 0.97;

/** What the server makes of the new version. */
export function servedVersionLines(
  { versions, config, name }: RepositoryModel,
  { version }: Pick<ConversionReport, 'version'>,
): string[] {
  if (version === null) return ['--dry-run: nothing was written'];
  const policy = config.versionPolicy ?? DEFAULT_VERSION_POLICY;
  const served = selectVersions([...versions, version], policy);
  const list = served.length === 0 ? 'no version' : `version ${served.join(' and ')}`;
  const lines = [`written: version ${version}; by its version policy the server serves ${list}`];
  if (!served.includes(version)) {
    return [...lines, `to serve it, add ${version} to versionPolicy in the model.json of ${name}`];
  }
  const dropped = selectVersions(versions, policy).filter((before) => !served.includes(before));
  return dropped.length === 0
    ? lines
    : [
        ...lines,
        `version ${dropped.join(' and ')} is no longer served; to go back, remove the folder ${version} or name the version in versionPolicy`,
      ];
}

/** Warnings where the conversion costs time, or may. */
export function slowerLines({ speed, precision, runtime }: ConversionReport): string[] {
  const slower = speed.filter(({ ratio }) => ratio < NOTICEABLE);
  const lacking =
    precision === 'int8' && runtime.int8Instructions.length === 0
      ? [
          `warning: this processor (${runtime.processor.trim()}) has, or tells of, neither AVX-512 VNNI nor AVX-VNNI: int8 is slow on it, and may be less exact; on another processor it may be fast`,
        ]
      : [];
  if (slower.length === 0) return lacking;
  const factors = slower.map(({ batch, ratio }) => `×${ratio.toFixed(2)} at batch ${batch}`);
  return [
    ...lacking,
    `warning: on this ${runtime.device.toUpperCase()} (${runtime.processor.trim()}) ${precision} is slower than float32: ${factors.join(', ')}`,
  ];
}
