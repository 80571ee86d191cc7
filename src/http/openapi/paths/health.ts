import { liveSchema, readySchema } from '../../schemas/health';
import { plainErrors, problems } from '../errors';
import { answer, type Operation } from '../operation';

/** What those who operate the server ask for. */
export const healthOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2/health/live',
    operationId: 'live',
    tags: ['Health'],
    summary: '200 unless only a restart can help',
    description: 'For what restarts processes, such as a liveness probe of Kubernetes.',
    responses: {
      200: answer('It runs', {
        'application/json': { schema: liveSchema, example: { live: true } },
      }),
      503: answer('No version has had a working instance for livenessTimeoutMs', {
        'application/json': { schema: liveSchema, example: { live: false } },
      }),
      ...plainErrors(),
    },
  },
  {
    method: 'get',
    path: '/v2/health/ready',
    operationId: 'ready',
    tags: ['Health'],
    summary: '200 when the models are loaded',
    description: 'For what sends requests here, such as a load balancer or a readiness probe.',
    responses: {
      200: answer('It is ready', {
        'application/json': { schema: readySchema, example: { ready: true } },
      }),
      503: answer('It is starting or shutting down, or a model has no live instance', {
        'application/json': { schema: readySchema, example: { ready: false } },
      }),
      ...plainErrors(),
    },
  },
  ...(
    [
      ['/metrics', 'metrics', 'Metrics for Prometheus'],
      [
        '/monitoring/prometheus/metrics',
        'tfServingMetrics',
        'Metrics for Prometheus, where TensorFlow Serving has them',
      ],
    ] as const
  ).map(([path, operationId, summary]): Operation => ({
    method: 'get',
    path,
    operationId,
    tags: ['Health'],
    summary,
    description: 'In the text format of Prometheus; docs/metrics.md lists them.',
    responses: {
      200: answer('Prometheus text', { 'text/plain': { schema: { type: 'string' } } }),
      ...problems(),
    },
  })),
];
