/** What the header of a part says of it. */
export interface PartHeaders {
  /** Of the field. */
  readonly name?: string | undefined;
  /** Absent where the part has none; may be empty. */
  readonly filename?: string | undefined;
  /** In lower case, with its parameters. */
  readonly contentType?: string | undefined;
}

/** Parameters of a header that are looked at. */
const MAX_PARAMETERS = 16;
const PARAMETER = /\s*;\s*([\w*-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;]*)/y;

/** Reads the lines of a part's header; what is not understood is ignored. */
export function partHeaders(header: Buffer): PartHeaders {
  const fields = new Map<string, string>();
  for (const line of header.toString('utf8').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0)
      fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const parameters = dispositionParameters(fields.get('content-disposition') ?? '');
  return {
    name: parameters.get('name'),
    filename: parameters.get('filename') ?? parameters.get('filename*'),
    contentType: fields.get('content-type')?.toLowerCase(),
  };
}

function dispositionParameters(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const start = value.indexOf(';');
  PARAMETER.lastIndex = start < 0 ? value.length : start;
  for (let count = 0; count < MAX_PARAMETERS; count++) {
    const match = PARAMETER.exec(value);
    if (match === null) break;
    const [, name = '', text = ''] = match;
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, unquoted(text.trim()));
  }
  return parameters;
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"')
    ? text.slice(1, -1).replace(/\\(["\\])/g, '$1')
    : text;
}
