import { Worker } from 'node:worker_threads';

/** The next message to a worker thread arrives as null, which is none of ours: it ends the worker for real. */
export function crashNextWorker(): void {
  jest.spyOn(Worker.prototype, 'postMessage').mockImplementationOnce(function (this: Worker) {
    this.postMessage(null);
  });
}
