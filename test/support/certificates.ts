import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Certificates of an authority that a test makes up; openssl makes them. */
export class TestAuthority {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'authority-'));
  readonly ca: string;

  constructor(name: string) {
    const { ca, caKey } = this.#files();
    this.#openssl([
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', caKey, '-out', ca, '-days', '30', '-subj', `/CN=${name}`],
    ]);
    this.ca = readFileSync(ca, 'utf8');
  }

  /** A certificate for 127.0.0.1 and localhost. */
  issue(name: string): Certificate {
    const { ca, caKey } = this.#files();
    const file = (ending: string): string => path.join(this.#folder, `${name}.${ending}`);
    writeFileSync(file('ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    this.#openssl([
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', file('key'), '-out', file('csr'), '-subj', `/CN=${name}`],
    ]);
    this.#openssl([
      ...['x509', '-req', '-in', file('csr'), '-CA', ca, '-CAkey', caKey, '-CAcreateserial'],
      ...['-days', '30', '-extfile', file('ext'), '-out', file('crt')],
    ]);
    return { cert: readFileSync(file('crt'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #files(): { ca: string; caKey: string } {
    return { ca: path.join(this.#folder, 'ca.crt'), caKey: path.join(this.#folder, 'ca.key') };
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
