import { mkdir, mkdtemp, readdir, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { servedVersionLines, slowerLines } from '../../../../src/commands/convert/advice';
import { agreementMeter } from '../../../../src/commands/convert/agreement';
import {
  DifferenceMeter,
  UnusableOutputError,
} from '../../../../src/commands/convert/difference-meter';
import { NewVersion } from '../../../../src/commands/new-version';
import { reportLines, type ConversionReport } from '../../../../src/commands/convert/report';
import { scanRepository } from '../../../../src/models/repository';
import type { ServableSpec } from '../../../../src/models/servable-spec';
import type { Tensor } from '../../../../src/kernel/tensor';

const PHOTO = { file: 'a.jpg', inputs: [], crop: { width: 1, height: 1 } };

function floats(data: readonly number[], shape: readonly number[] = [1, data.length]): Tensor {
  return { name: 'y', dtype: 'float32', shape, data: Float32Array.from(data) };
}

function spec(task: ServableSpec['task']): ServableSpec {
  const settings = { name: 'y', activation: 'none', valueRange: [0, 255], layout: 'NHWC' };
  return { task, settings } as unknown as ServableSpec;
}

describe('differences', () => {
  test('are added up over all outputs', () => {
    const meter = new DifferenceMeter();

    meter.add(floats([4, 0]), floats([4.5, 0]));
    meter.add(floats([-8, 0]), floats([-7, 0]));

    expect(meter.result()).toEqual({
      maxAbsolute: 1,
      meanAbsolute: 0.375,
      maxRelative: 0.125,
      meanRelative: 0.125,
    });
  });

  test('a number that became none, or another shape, is no difference but an error', () => {
    const meter = new DifferenceMeter();

    expect(() => {
      meter.add(floats([1]), floats([Infinity]));
    }).toThrow(UnusableOutputError);
    expect(() => {
      meter.add(floats([1, 2]), floats([1, 2], [2, 1]));
    }).toThrow(/became float32 \[2,1\]/);
  });
});

describe('agreement', () => {
  test('of classes names the images with another best class', () => {
    const meter = agreementMeter(spec('image-classification'));

    meter?.add({ ...PHOTO, file: 'same.jpg' }, floats([1, 3, 2]), floats([0, 9, 0]));
    meter?.add({ ...PHOTO, file: 'other.jpg' }, floats([1, 3, 2]), floats([1, 2, 3]));

    expect(meter?.result()).toEqual({
      kind: 'classes',
      top1: 0.5,
      changed: ['other.jpg'],
      // 3 and 9, 3 and 3.
      meanScoreDifference: 3,
    });
  });

  test('of pictures is their PSNR in 8 bits, over all and of the worst', () => {
    const meter = agreementMeter(spec('image-to-image'));
    const grey = (value: number): Tensor => floats([value, 10], [1, 1, 2, 1]);

    meter?.add(PHOTO, grey(100), grey(100.4));
    meter?.add(PHOTO, grey(100), grey(102));

    // Mean squares: 4 in 4 values; 4 in 2.
    expect(meter?.result()).toEqual({
      kind: 'pictures',
      psnrDb: 10 * Math.log10(255 ** 2),
      worstPsnrDb: 10 * Math.log10(255 ** 2 / 2),
      maxPixelDifference: 2,
    });
  });
});

describe('a new version', () => {
  let model: string;

  beforeEach(async () => {
    const repository = await mkdtemp(path.join(tmpdir(), 'new-version-'));
    model = path.join(repository, 'model');
    for (const version of ['1', '007']) {
      await mkdir(path.join(model, version), { recursive: true });
      await writeFile(path.join(model, version, 'saved_model.pb'), '');
    }
  });

  test('gets the number after the largest, and is not seen before', async () => {
    const begun = await NewVersion.begin(model);
    await writeFile(path.join(begun.directory, 'saved_model.pb'), '');
    const [before] = await scanRepository(path.dirname(model));
    const numbers: number[] = [];

    await begun.publish((version) => {
      numbers.push(version);
      return Promise.resolve();
    });
    begun.discard();

    const [after] = await scanRepository(path.dirname(model));
    expect(numbers).toEqual([8]);
    expect(before).toMatchObject({ versions: [1, 7], problems: [] });
    expect(after).toMatchObject({ versions: [1, 7, 8], problems: [] });
  });

  test('takes the next number when another program was first', async () => {
    const begun = await NewVersion.begin(model);
    const numbers: number[] = [];

    await begun.publish(async (version) => {
      numbers.push(version);
      if (numbers.length > 1) return;
      await mkdir(path.join(model, '8'));
      await writeFile(path.join(model, '8', 'theirs'), '');
    });

    expect(numbers).toEqual([8, 9]);
    expect(await readdir(path.join(model, '8'))).toEqual(['theirs']);
  });

  test('what was abandoned long ago is removed, what may be under way stays', async () => {
    await mkdir(path.join(model, '.optimize-old'));
    await mkdir(path.join(model, '.optimize-new'));
    await utimes(path.join(model, '.optimize-old'), 0, 0);

    const begun = await NewVersion.begin(model);
    begun.discard();

    expect((await readdir(model)).sort()).toEqual(['.optimize-new', '007', '1']);
  });
});

describe('what is said in the end', () => {
  const report: ConversionReport = {
    format: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    model: 'm',
    precision: 'fp16',
    sourceVersion: 1,
    version: 2,
    runtime: {
      tensorflow: '2.21.0',
      device: 'cpu',
      intraOpThreads: 1,
      node: 'v20',
      processor: 'Some CPU',
      int8Instructions: [],
    },
    conversion: {
      precision: 'fp16',
      halfOperations: 3,
      casts: 2,
      weightBytes: { float32: 4 * 2 ** 20, converted: 2 * 2 ** 20 },
    },
    bytes: { source: 5 * 2 ** 20, converted: 2 ** 21 },
    speed: [
      {
        batch: 1,
        float32Ms: 5,
        convertedMs: 20,
        float32PerSecond: 200,
        convertedPerSecond: 50,
        ratio: 0.25,
      },
    ],
    memory: { float32: null, converted: null },
    comparison: {
      inputs: 'images',
      count: 40,
      skipped: [],
      signature: 's',
      output: 'y',
      difference: { maxAbsolute: 0.5, meanAbsolute: 0.1, maxRelative: 0.05, meanRelative: 0.01 },
      agreement: {
        kind: 'classes',
        top1: 0.975,
        changed: ['x.jpg'],
        meanScoreDifference: 0.01,
      },
      signatures: { s: 0.05 },
    },
  };
  const model = { versions: [1], config: {}, name: 'm' } as unknown as Parameters<
    typeof servedVersionLines
  >[0];

  test('the table has sizes, speed and what the answers lost', () => {
    const text = reportLines(report).join('\n');

    expect(text).toMatch(/files +5\.0 MiB +2\.0 MiB +÷2\.50/);
    expect(text).toMatch(/batch 1 +5\.0 ms, 200\/s +20\.0 ms, 50\/s +×0\.25/);
    expect(text).toMatch(/same best class: 39 of 40 \(97\.5 %\); another class: x\.jpg/);
    expect(text).not.toMatch(/RSS/);
  });

  test('a slower model is warned of, with the device', () => {
    expect(slowerLines(report)).toEqual([
      'warning: on this CPU (Some CPU) fp16 is slower than float32: ×0.25 at batch 1',
    ]);
    expect(slowerLines({ ...report, speed: [] })).toEqual([]);
  });

  test('the version that is served follows from the policy', () => {
    const policy = (versionPolicy: unknown): string =>
      servedVersionLines({ ...model, config: { versionPolicy } as never }, report).join('\n');

    expect(servedVersionLines(model, report).join('\n')).toMatch(
      /serves version 2\nversion 1 is no longer served/,
    );
    expect(policy('all')).toMatch(/serves version 1 and 2$/);
    expect(policy({ specific: [1] })).toMatch(/serves version 1\nto serve it, add 2/);
    expect(servedVersionLines(model, { version: null })).toEqual([
      '--dry-run: nothing was written',
    ]);
  });
});
