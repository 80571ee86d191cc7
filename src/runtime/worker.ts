/**
 * The thread (or process) that owns one loaded SavedModel. It runs what it is told, one message
 * after the other; TensorFlow blocks it meanwhile, which is why it is not the HTTP thread.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { isByteStrings, type Tensor } from '../kernel/tensor';
import type { LoadedModel } from './backend';
import type { FromWorker, ToWorker, WorkerStart } from './messages';
import { TfjsBackend } from './tfjs-backend';
import { messageOf } from '../kernel/errors';
import { tensorFlowCodeOf } from '../kernel/run-failed-error';
import { lowerInferencePriority } from '../process/thread-priority';

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  if (parentPort !== null) parentPort.postMessage(message, transfer);
  else process.send?.(message);
}

function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) {
    const views = isByteStrings(data) ? [data.bytes, data.bounds] : [data];
    for (const { buffer } of views) if (buffer instanceof ArrayBuffer) buffers.add(buffer);
  }
  return [...buffers];
}

function run(model: LoadedModel, message: Extract<ToWorker, { kind: 'run' }>): void {
  const started = performance.now();
  try {
    const outputs = model.run(message.signature, message.inputs, message.outputs);
    const inferMs = performance.now() - started;
    const buffers = buffersOf(message.inputs);
    send({ kind: 'result', id: message.id, outputs, inferMs, buffers }, [
      ...buffersOf(outputs),
      ...buffers,
    ]);
  } catch (thrown) {
    const code = tensorFlowCodeOf(thrown);
    send({ kind: 'run-failed', id: message.id, message: messageOf(thrown), code });
  }
}

function start({ directory, background }: WorkerStart): void {
  const started = performance.now();
  // Before TensorFlow starts its threads: they take it over.
  if (background) lowerInferencePriority();
  let backend: TfjsBackend;
  let model: LoadedModel;
  try {
    backend = new TfjsBackend();
    model = backend.loadModel(directory);
    send({
      kind: 'ready',
      signatures: model.signatures,
      device: backend.device,
      tensorflowVersion: backend.tensorflowVersion,
      loadMs: performance.now() - started,
    });
  } catch (thrown) {
    send({ kind: 'load-failed', message: messageOf(thrown) });
    return;
  }
  const receive = (message: ToWorker): void => {
    switch (message.kind) {
      case 'run':
        run(model, message);
        return;
      case 'trim':
        backend.trimMemory();
        return;
      case 'close':
        model.dispose();
        // The process may go on without this worker.
        backend.trimMemory();
        if (parentPort !== null) parentPort.close();
        else process.disconnect();
    }
  };
  if (parentPort !== null) parentPort.on('message', receive);
  else process.on('message', receive);
}

start(
  parentPort !== null
    ? (workerData as WorkerStart)
    : (JSON.parse(process.argv[2] ?? '{}') as WorkerStart),
);
