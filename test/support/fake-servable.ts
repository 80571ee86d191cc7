import { Servable, type ServableOptions, type ServableState } from '../../src/models/servable';

/** How a load ends: well, or with a reason that may pass or stays. */
export type LoadEnd = 'well' | { readonly reason: string; readonly stays?: boolean };

/** A servable without files and workers. */
export class FakeServable extends Servable {
  readonly #end: () => LoadEnd | Promise<LoadEnd>;
  readonly #killed: Promise<'killed'>;
  #kill: (how: 'killed') => void = () => undefined;
  #state: ServableState = 'START';
  #failure: { readonly reason: string; readonly stays?: boolean } | undefined;

  /** @param end asked when it loads */
  constructor(options: ServableOptions, end: () => LoadEnd | Promise<LoadEnd> = () => 'well') {
    super(options);
    this.#end = end;
    this.#killed = new Promise((resolve) => {
      this.#kill = resolve;
    });
  }

  override get state(): ServableState {
    return this.#state;
  }

  override get reason(): string | undefined {
    return this.#failure?.reason;
  }

  override get mayLoadLater(): boolean {
    return this.#failure !== undefined && this.#failure.stays !== true;
  }

  override get ready(): boolean {
    return this.#state === 'AVAILABLE';
  }

  override async load(): Promise<void> {
    this.#state = 'LOADING';
    const end = await Promise.race([this.#end(), this.#killed]);
    if (end === 'killed') return;
    if (end !== 'well') this.#failure = end;
    this.#state = end === 'well' ? 'AVAILABLE' : 'END';
  }

  override unload(): Promise<void> {
    this.#state = 'END';
    return Promise.resolve();
  }

  override kill(): void {
    this.#state = 'END';
    this.#kill('killed');
  }
}
