import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';

import { packageVersion } from '../../process/package-version';
import { PROBLEM_EXAMPLES } from './errors';
import { HEADER_COMPONENTS } from './headers';
import { KEY_SCHEMES, withKeys } from './key-security';
import type { Operation } from './operation';
import { documentOperations, DOCUMENTS_TAG, pageOperations } from './paths/documents';
import { healthOperations } from './paths/health';
import { imageOperations } from './paths/images';
import { modelOperations } from './paths/models';
import { oipOperations } from './paths/oip';
import { ADMIN_TOKEN, REPOSITORY_TAG, repositoryOperations } from './paths/repository';
import { SERVED_TAG, servedModelOperation, type ServedModel } from './paths/served-models';
import { tfServingOperations } from './paths/tfserving';

/** Every operation of the server. A test compares them with the routes that there are. */
export const OPERATIONS: readonly Operation[] = [
  ...imageOperations,
  ...modelOperations,
  ...tfServingOperations,
  ...oipOperations,
  ...repositoryOperations,
  ...healthOperations,
  ...documentOperations,
  ...pageOperations,
];

const DESCRIPTION = `Serves TensorFlow SavedModels.

Errors of the image API are problem details (RFC 9457) with a stable \`code\`; those under \`/v1\` and \`/v2\`
are \`{"error": "…"}\`. An address that exists answers a method it does not have with 405 and \`Allow\` (under
\`/v1\` with 400, as TensorFlow Serving does); \`GET\` addresses take \`HEAD\` too.`;

const TAGS = [
  { name: 'Images', description: 'Images in; labels or pictures out' },
  { name: SERVED_TAG, description: 'Models with parameters of their own, as they are served now' },
  { name: 'Models', description: 'What is served, and with what settings' },
  { name: 'TensorFlow Serving', description: 'The REST API of TensorFlow Serving' },
  {
    name: 'Open Inference Protocol',
    description: "The Open Inference Protocol v2 with Triton's extensions",
  },
  { name: REPOSITORY_TAG, description: 'Models come and go' },
  { name: 'Health', description: 'For those who operate the server' },
  { name: DOCUMENTS_TAG, description: 'What you are reading' },
];

/**
 * Which addresses: all; those beside an admin port, or where the model repository API is off; those
 * of the admin port.
 */
type DocumentPart = 'everything' | 'no-model-control' | 'admin';

export interface DocumentOptions {
  readonly part: DocumentPart;
  /**
   * Whether requests need an API key.
   * @default false
   */
  readonly keys?: boolean;
  /** @default 'key' */
  readonly metricsAccess?: 'key' | 'open';
  /**
   * Whether there are pages.
   * @default true
   */
  readonly pages?: boolean;
  /**
   * Models whose addresses are described one by one, as they have parameters of their own.
   * @default none
   */
  readonly served?: readonly ServedModel[];
}

/** The OpenAPI 3.1 document of the server. */
export function openApiDocument({
  part,
  pages = true,
  served = [],
  keys = false,
  metricsAccess = 'key',
}: DocumentOptions): object {
  const operations = [
    ...OPERATIONS.filter(
      (operation) => isPartOf(operation, part) && (pages || !pageOperations.includes(operation)),
    ),
    ...(part === 'admin' ? [] : served.map(servedModelOperation)),
  ].map((operation) => (keys ? withKeys(operation, metricsAccess) : operation));
  const registry = new OpenAPIRegistry();
  for (const [name, header] of HEADER_COMPONENTS) {
    registry.registerComponent('headers', name, header);
  }
  for (const [code, example] of PROBLEM_EXAMPLES) {
    registry.registerComponent('examples', code, example);
  }
  if (part !== 'no-model-control') {
    registry.registerComponent('securitySchemes', ADMIN_TOKEN, {
      type: 'http',
      scheme: 'bearer',
      description: 'The option adminToken, where the server has one',
    });
  }
  if (keys) {
    for (const [name, scheme] of KEY_SCHEMES) {
      registry.registerComponent('securitySchemes', name, scheme);
    }
  }
  for (const operation of operations) registry.registerPath(operation);
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'tfjs-serving',
      version: packageVersion(),
      description: DESCRIPTION,
      contact: { name: 'The maintainers of tfjs-serving' },
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative to this document: it holds behind a proxy that cuts off a prefix.
    servers: [{ url: '.' }],
    // What an operation does not say itself: nothing has to be shown.
    security: [],
    tags: TAGS.filter(({ name }) => operations.some(({ tags }) => tags?.includes(name))),
  });
  return withoutUnused(document);
}

type Document = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** Headers and examples are registered for all addresses, and a part of them does not name them all. */
function withoutUnused({ components, ...rest }: Document): Document {
  const paths = JSON.stringify(rest);
  const used = <T>(kind: string, all: Readonly<Record<string, T>> = {}): Record<string, T> =>
    Object.fromEntries(
      Object.entries(all).filter(([name]) => paths.includes(`"#/components/${kind}/${name}"`)),
    );
  return {
    ...rest,
    components: {
      ...components,
      headers: used('headers', components?.headers),
      examples: used('examples', components?.examples),
    },
  };
}

function isPartOf({ path, tags = [] }: Operation, part: DocumentPart): boolean {
  const control = tags.includes(REPOSITORY_TAG);
  switch (part) {
    case 'everything':
      return true;
    case 'no-model-control':
      return !control;
    case 'admin':
      return (
        control || (tags.includes(DOCUMENTS_TAG) && path !== '/') || path.startsWith('/v2/health/')
      );
  }
}
