import express, { type Request, type RequestHandler } from 'express';

/**
 * Reads the body as it is, whatever its Content-Type says: clients of tensor protocols send JSON as
 * text/plain, as a form, or without any. Compressed bodies are inflated up to the same limit.
 * @param maxBytes of the body; more is PAYLOAD_TOO_LARGE
 */
export function readBody(maxBytes: number): RequestHandler {
  return express.raw({ type: () => true, limit: maxBytes });
}

/** What `readBody` read; empty when there was nothing. */
export function bodyOf(request: Request): Buffer {
  const body: unknown = request.body;
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}
