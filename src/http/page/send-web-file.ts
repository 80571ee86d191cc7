import type { Request, Response } from 'express';

import type { WebFile } from './web-files';

/**
 * Nothing but this server's own files, and nothing inside a page: neither script nor style. Pictures are
 * shown from memory as well (blob:).
 */
const PAGE_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  "require-trusted-types-for 'script'",
].join('; ');

/** A year, which is as long as caches keep anything. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** A page is asked for every time, and most times it has not changed. */
export async function sendPage(
  request: Request,
  response: Response,
  page: WebFile,
  hash: string,
): Promise<void> {
  response.set({
    'Content-Security-Policy': PAGE_SECURITY_POLICY,
    'Cache-Control': 'no-cache',
    // Weak: it holds for the compressed form as well.
    ETag: `W/"${hash}"`,
  });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  await send(request, response, page);
}

/** What is at this address never changes: the address holds a hash. */
export async function sendAsset(
  request: Request,
  response: Response,
  file: WebFile,
  hash: string,
): Promise<void> {
  response.set({ 'Cache-Control': FOR_EVER, ETag: `W/"${hash}"` });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  await send(request, response, file);
}

async function send(
  request: Request,
  response: Response,
  { type, bytes, gzipped }: WebFile,
): Promise<void> {
  response.set('Content-Type', type);
  if (gzipped === undefined) {
    response.send(bytes);
    return;
  }
  response.vary('Accept-Encoding');
  if (request.acceptsEncodings('gzip') === false) {
    response.send(bytes);
    return;
  }
  const packed = await gzipped();
  response.set('Content-Encoding', 'gzip').send(packed);
}
