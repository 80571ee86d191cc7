import { z } from 'zod';

/** A line of the log, as far as people are told of it. */
const entrySchema = z.looseObject({ level: z.string(), msg: z.string() });
type Entry = z.infer<typeof entrySchema>;

/** How a model version is called. */
interface Loading {
  readonly name: string;
  readonly since: number;
}

/** Facts of a line that say nothing to a person, or have been said. */
const SILENT = ['level', 'time', 'msg', 'requestId', 'err'];

/**
 * The log as a person at a terminal reads it: what runs where, each model as it becomes ready, and
 * warnings. Of lines that are not known here those of level info are left out.
 */
export class ConsoleLines {
  readonly #loading = new Map<string, Loading>();
  #url = '';

  /** What is being loaded, and for how long; undefined when nothing is. @param now in ms */
  progress(now: number): string | undefined {
    if (this.#loading.size === 0) return undefined;
    const models = [...this.#loading.values()].map(
      ({ name, since }) => `${name} ${Math.floor((now - since) / 1000)} s`,
    );
    return `  loading ${models.join(', ')}`;
  }

  /** @param line as the logger writes it @param now in ms @returns nothing to say: undefined */
  of(line: string, now: number): string | undefined {
    const entry = entrySchema.parse(JSON.parse(line));
    const text = (name: string): string => textOf(entry[name]);
    switch (entry.msg) {
      case 'starting':
        return `tfjs-serving ${text('version')}: Node ${text('node')}, TensorFlow ${text('tensorflow')}`;
      case 'device':
        return `device: ${deviceOf(entry)}`;
      case 'model repository':
        return `models: ${text('path')}${entry.shipped === true ? ' (shipped with this package; --model-repository names yours)' : ''}`;
      case 'listening':
        this.#url = text('url');
        return undefined;
      case 'model state':
        return this.#state(entry, now);
      case 'model not loaded':
        this.#loading.delete(keyOf(entry));
        return `  ${keyOf(entry)}  NOT LOADED: ${text('reason')}`;
      case 'model cannot be served':
        return `  ${text('model')}  CANNOT BE SERVED: ${text('problems')}`;
      case 'serving':
        return entry.ready === true
          ? `ready: ${this.#url}`
          : `serving, but not every model is ready: ${this.#url}`;
      case 'shutting down':
        return 'stopping';
      case 'stopped':
        return entry.finished === true ? 'stopped' : 'stopped; unfinished work was dropped';
      case 'listening for model control':
        return `model control: ${text('url')}`;
      default:
        return entry.level === 'info' ? requestOf(entry) : problemOf(entry);
    }
  }

  #state(entry: Entry, now: number): string | undefined {
    const key = keyOf(entry);
    const { state, task, path, seconds } = entry;
    if (state === 'LOADING') {
      this.#loading.set(key, { name: textOf(entry.model), since: now });
      return undefined;
    }
    this.#loading.delete(key);
    if (state === 'END') return `  ${key}  unloaded`;
    if (state !== 'AVAILABLE') return undefined;
    return `  ${key}  ${textOf(task)}  ready in ${textOf(seconds)} s  ${this.#url}${textOf(path)}`;
  }
}

function keyOf({ model, version }: Entry): string {
  return `${textOf(model)} v${textOf(version)}`;
}

function deviceOf({ device, gpus, reason }: Entry): string {
  if (device !== 'gpu') return reason === undefined ? 'CPU' : `CPU (${textOf(reason)})`;
  const names = z.array(z.looseObject({ name: z.string() })).safeParse(gpus);
  return `GPU (${(names.data ?? []).map(({ name }) => name).join(', ')})`;
}

/** Of requests that were answered with an error. */
function requestOf({ req, res }: Entry): string | undefined {
  const request = z.looseObject({ method: z.string(), url: z.string() }).safeParse(req);
  const response = z.looseObject({ status: z.number() }).safeParse(res);
  if (!request.success || !response.success) return undefined;
  return `${response.data.status} ${request.data.method} ${request.data.url}`;
}

function problemOf(entry: Entry): string {
  const request = requestOf(entry);
  if (request !== undefined) return request;
  const error = z.looseObject({ message: z.string() }).safeParse(entry.err);
  const facts = Object.entries(entry)
    .filter(([name, value]) => !SILENT.includes(name) && value !== null)
    .map(([name, value]) => `${name}: ${textOf(value)}`);
  if (error.success) facts.push(error.data.message);
  const name = entry.level === 'warn' ? 'warning' : entry.level;
  return `${name}: ${entry.msg}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join('; ');
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
