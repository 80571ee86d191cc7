// No interface: it would lack the index signature that the library asks for.
type Header = Readonly<{
  description: string;
  schema: { type: 'string'; examples: string[]; pattern?: string };
}>;

/** Headers of answers, as components of the document. */
const DESCRIPTIONS = {
  'X-Request-Id': {
    description:
      'Id of the request, also in the log: that of the request where it was usable, else a new one',
    schema: { type: 'string', examples: ['1135df3f-89ed-4eae-b822-524bac4955f1'] },
  },
  traceparent: {
    description: 'That of the request, where it was usable (W3C Trace Context)',
    schema: {
      type: 'string',
      examples: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    },
  },
  'Server-Timing': {
    description: 'Milliseconds of each stage',
    schema: {
      type: 'string',
      examples: ['preprocess;dur=10.19, queue;dur=0.49, infer;dur=10.03, postprocess;dur=0.40'],
    },
  },
  'X-Model-Version': {
    description: 'Version of the model that made the answer',
    schema: { type: 'string', pattern: '^\\d+$', examples: ['1'] },
  },
  'X-Seed': {
    description: 'What the noise of the only answer was made from: the same gives it again',
    schema: { type: 'string', pattern: '^\\d+$', examples: ['7'] },
  },
  'X-Error-Code': {
    description: 'Code of the error: docs/errors.md',
    schema: { type: 'string', examples: ['MODEL_NOT_FOUND'] },
  },
  'WWW-Authenticate': {
    description: 'What has to be shown',
    schema: { type: 'string', examples: ['Bearer realm="tfjs-serving"'] },
  },
  'RateLimit-Policy': {
    description: 'What the key may use: `q` in `w` seconds',
    schema: { type: 'string', examples: ['"requests";q=600;w=60, "images";q=6000;w=60'] },
  },
  RateLimit: {
    description: 'What is left of it (`r`), and seconds until there is something again (`t`)',
    schema: { type: 'string', examples: ['"requests";r=599;t=0, "images";r=5990;t=0'] },
  },
  'Retry-After': {
    description: 'Seconds after which a retry makes sense, where the server knows',
    schema: { type: 'string', pattern: '^\\d+$', examples: ['1'] },
  },
  'Inference-Header-Content-Length': {
    description: 'Bytes of JSON in front of binary tensors; absent when there are none',
    schema: { type: 'string', pattern: '^\\d+$', examples: ['120'] },
  },
  Accept: {
    description: 'Content types that are taken',
    schema: {
      type: 'string',
      examples: ['multipart/form-data, image/*, application/octet-stream, application/json'],
    },
  },
  Allow: {
    description: 'Methods there are',
    schema: { type: 'string', examples: ['GET, HEAD'] },
  },
} satisfies Record<string, Header>;

export type HeaderName = keyof typeof DESCRIPTIONS;

export const HEADER_NAMES = Object.keys(DESCRIPTIONS) as HeaderName[];

/** References to the components, for the answers that have the header. */
export const HEADERS = Object.fromEntries(
  HEADER_NAMES.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
) as Record<HeaderName, { $ref: string }>;

/** The components themselves. */
export const HEADER_COMPONENTS: readonly (readonly [HeaderName, Header])[] = HEADER_NAMES.map(
  (name) => [name, DESCRIPTIONS[name]],
);
