import type { BodyLimits } from '../../src/http/body/body-limits';
import { BodyReader } from '../../src/http/body/body-reader';
import { RequestPlaces } from '../../src/http/body/request-places';
import { Uploads } from '../../src/http/body/uploads';
import type { ImageFetcher } from '../../src/http/image-url/image-fetcher';
import { ByteBudget } from '../../src/kernel/byte-budget';

export interface TestBodiesOptions extends BodyLimits {
  /** @default 512 */
  readonly maxInFlightRequests?: number;
  /** @default 2 ** 30 */
  readonly maxBytesInFlight?: number;
  /** @default 2048 */
  readonly maxUploads?: number;
  /** @default none: images are not fetched */
  readonly fetcher?: ImageFetcher;
}

/** What reads the bodies of an app under test. */
export function testBodies({
  maxInFlightRequests = 512,
  maxBytesInFlight = 2 ** 30,
  maxUploads = 2048,
  fetcher,
  ...limits
}: TestBodiesOptions): BodyReader {
  return new BodyReader({
    limits,
    budget: new ByteBudget({ limit: maxBytesInFlight }),
    uploads: new Uploads({ maxUploads, minBytesPerSecond: 1024, graceMs: 5000 }),
    places: new RequestPlaces(maxInFlightRequests),
    fetcher,
  });
}
