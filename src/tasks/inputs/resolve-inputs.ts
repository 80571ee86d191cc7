import type { ImageFormat } from '../../imaging/sniff';
import { formatShape, isAnswerable, type Signature, type TensorSpec } from '../../kernel/tensor';
import { channelsOf } from '../image-shape';
import { describeTensors } from '../output-names';
import type { Notes } from '../task';
import { assumedInputs } from './assumed-inputs';
import type { inputSchema } from './image-config';
import type { InputsConfig } from './input-config';
import { NO_INPUTS, type EncodedInputSpec, type ModelInputs, type MoreInput } from './model-inputs';
import { resolveImage, type ImageSource } from './resolve-image';
import { resolveMore, type RoleSource } from './resolve-more';
import { shapeFor } from './row-shape';
import type { z } from 'zod';

/** What is known of a model when it is found out what it takes. */
export interface InputSources {
  readonly config: {
    readonly task?: string | undefined;
    readonly input?: z.infer<typeof inputSchema> | undefined;
    readonly inputs?: InputsConfig | undefined;
  };
  readonly signature: Signature;
  /** Labels of inputs that are in files, by role. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** By input that the graph decodes pictures from: the formats. Undefined: nobody looked. */
  readonly decoded: ReadonlyMap<string, readonly ImageFormat[]> | undefined;
  /** Names that a role cannot have: they mean something else in a request. */
  readonly reserved: readonly string[];
}

const IMAGE_FIELDS = ['image', 'images', 'file', 'files'];
const EVERYWHERE = ['n', 'format', 'quality'];
const TENSOR = 'tensor';

/**
 * What a model takes, by role: from `inputs` or `input` of model.json, or else from its signature.
 * Contradictions are noted.
 */
export function resolveInputs(sources: InputSources, notes: Notes): ModelInputs {
  const { config, signature } = sources;
  if (config.inputs !== undefined && config.input !== undefined) {
    notes.problem('model.json: has "input" and "inputs"; say all of it in "inputs"');
    return NO_INPUTS;
  }
  if (config.inputs !== undefined) return byRole(config.inputs, sources, notes);
  if (config.input === undefined) {
    const assumed = assumedInputs(config.task, signature, notes);
    if (assumed !== undefined) return byRole(assumed, sources, notes);
  }
  return fromShortForm(sources, notes);
}

function byRole(roles: InputsConfig, sources: InputSources, notes: Notes): ModelInputs {
  const { config, signature, reserved } = sources;
  if (config.task === TENSOR) {
    notes.problem('model.json.inputs: a model with the task tensor takes tensors as they are');
  }
  const taken = new Map<string, string>();
  const found: RoleSource[] = [];
  for (const [place, [role, own]] of Object.entries(roles).entries()) {
    const name = own.name ?? role;
    const spec = signature.inputs.find((input) => input.name === name);
    const other = taken.get(name);
    const forbidden = EVERYWHERE.includes(role) || reserved.includes(role);
    const isPicture = own.image !== undefined;
    if (forbidden || (!isPicture && IMAGE_FIELDS.includes(role.toLowerCase()))) {
      notes.problem(
        `model.json.inputs.${role}: means something else in a request; choose another role and give "name": "${name}"`,
      );
    }
    if ((role === 'seed') !== (own.seed !== undefined) && role === 'seed') {
      notes.problem(
        'model.json.inputs.seed: is what the kind "seed" is called in requests; choose another role',
      );
    }
    if (spec === undefined) {
      notes.problem(
        `model.json.inputs.${role}${own.name === undefined ? '' : '.name'}: there is no tensor "${name}"; the signature has ${describeTensors(signature.inputs)}`,
      );
    } else if (other !== undefined) {
      notes.problem(`model.json.inputs.${role}: takes input "${name}", as ${other} does`);
    } else {
      taken.set(name, role);
      const inline = (own.label ?? own.numbers)?.labels;
      const labels = Array.isArray(inline) ? inline : sources.labels.get(role);
      found.push({ role, config: own, spec, labels, place });
    }
  }
  for (const spec of signature.inputs.filter(({ name }) => !taken.has(name))) {
    notes.problem(`model.json.inputs: input ${describeTensors([spec])} has no role`);
  }
  const upload = found.find(({ config: own }) => own.image !== undefined);
  const more = found
    .filter((source) => source !== upload)
    .map((source) => resolveMore(source, notes))
    .filter((input): input is MoreInput => input !== undefined);
  if (upload === undefined) return { ...NO_INPUTS, more };
  const { role, spec, config: own } = upload;
  const { default: fallback, ...settings } = own.image ?? {};
  if (fallback !== undefined) {
    notes.problem(
      `model.json.inputs.${role}.image.default: the first picture is the upload, which is always sent`,
    );
  }
  const place = `inputs.${role}.image`;
  return { uploadRole: role, ...uploadOf({ settings, place }, spec, sources, notes), more };
}

/** `input` of model.json, or what looks like a picture, or what the graph decodes. */
function fromShortForm(sources: InputSources, notes: Notes): ModelInputs {
  const { config, signature } = sources;
  const { input } = config;
  const [first] = signature.inputs;
  const single = signature.inputs.length === 1 ? first : undefined;
  if (input === undefined) {
    if (config.task === TENSOR || single === undefined) return NO_INPUTS;
    if (!looksLikeImage(single) && sources.decoded?.get(single.name) === undefined)
      return NO_INPUTS;
  }
  const { name, ...settings } = input ?? {};
  const spec =
    name === undefined
      ? (signature.inputs.find(isAnswerable) ?? first)
      : signature.inputs.find((candidate) => candidate.name === name);
  if (spec === undefined) {
    notes.problem(
      `model.json.input.name: there is no tensor "${name ?? ''}"; the signature has ${describeTensors(signature.inputs)}`,
    );
    return NO_INPUTS;
  }
  if (signature.inputs.length > 1) {
    notes.problem(
      `an image model takes one input, and the signature has ${describeTensors(signature.inputs)}: model.json.inputs says of several what each is`,
    );
  }
  return { ...NO_INPUTS, ...uploadOf({ settings, place: 'input' }, spec, sources, notes) };
}

const IMAGE_DTYPES: readonly (string | undefined)[] = ['float32', 'uint8', 'int32'];

function looksLikeImage({ shape, dtype }: TensorSpec): boolean {
  return IMAGE_DTYPES.includes(dtype) && channelsOf(shape) !== undefined;
}

/** A tensor of pixels, or of files that the graph decodes. */
function uploadOf(
  source: ImageSource,
  spec: TensorSpec,
  { decoded }: InputSources,
  notes: Notes,
): Pick<ModelInputs, 'image' | 'encoded'> {
  // Strings of more dimensions are no files.
  if (spec.dtype !== 'string' || (spec.shape?.length ?? 0) > 2) {
    return { image: resolveImage(source, spec, notes), encoded: undefined };
  }
  return {
    image: undefined,
    encoded: resolveEncoded(source, spec, decoded?.get(spec.name), notes),
  };
}

/** Without a decoder that is known, files are taken to be JPEG and PNG, as almost all are. */
function resolveEncoded(
  { settings, place }: ImageSource,
  spec: TensorSpec,
  formats: readonly ImageFormat[] | undefined,
  notes: Notes,
): EncodedInputSpec | undefined {
  for (const key of Object.keys(settings)) {
    notes.problem(
      `model.json.${place}.${key}: input "${spec.name}" is DT_STRING, a file that the graph decodes and resizes itself`,
    );
  }
  const shape = shapeFor(spec, 1);
  if (shape === undefined) {
    notes.problem(
      `input "${spec.name}" has shape ${formatShape(spec.shape)}; files of pictures are [], [?] or [?, 1]`,
    );
    return undefined;
  }
  const taken = formats ?? (['jpeg', 'png'] as const);
  notes.assumption(
    `${place}: "${spec.name}" takes files, which the graph decodes: ${taken.join(', ')}${formats === undefined ? ', as its decoder is not known' : ''}; others are sent to it as ${taken.includes('png') ? 'png' : taken.join(', ')}`,
  );
  return { inputName: spec.name, shape, formats: taken };
}
