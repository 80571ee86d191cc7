import { existsSync, readFileSync } from 'node:fs';
import { SetupError } from './errors.mjs';

/** @typedef {'linux-x64' | 'linux-arm64'} Platform that TensorFlow is published for */
/** @typedef {'cpu' | 'gpu'} Variant of TensorFlow */

const MINIMUM_NODE = 20;
const ARCHITECTURES = /** @type {const} */ (['x64', 'arm64']);

/**
 * Whether TensorFlow's libraries and the server can run here, as far as can be told without files.
 * @param {{ nodeVersion: string, os: string, arch: string }} machine
 * @returns {Platform}
 * @throws {SetupError} when they cannot
 */
export function checkPlatform({ nodeVersion, os, arch }) {
  const major = Number.parseInt(nodeVersion, 10);
  if (!(major >= MINIMUM_NODE)) {
    throw new SetupError(
      `Node ${nodeVersion} is too old: tfjs-serving needs Node ${MINIMUM_NODE} or newer.`,
      'Install Node 20, 22 or 24, for example with: nvm install 22',
    );
  }
  if (os !== 'linux') {
    throw new SetupError(
      `tfjs-serving runs on Linux only (this is ${os}).`,
      'Use a Linux machine, a container or, on Windows, WSL 2',
    );
  }
  const architecture = ARCHITECTURES.find((name) => name === arch);
  if (architecture === undefined) {
    throw new SetupError(
      `There is no TensorFlow build for ${os} ${arch}.`,
      `Supported: ${ARCHITECTURES.map((name) => `linux ${name}`).join(', ')}`,
    );
  }
  return `linux-${architecture}`;
}

/**
 * The checks that only the first installation needs: they read the process report and /proc.
 * @param {Platform} platform
 * @throws {SetupError} when TensorFlow cannot run here
 */
export function checkSystem(platform) {
  const glibc = glibcVersion();
  if (glibc === undefined) {
    throw new SetupError(
      'This Node runs on musl (Alpine); TensorFlow is built for glibc.',
      'Use a Debian, Ubuntu, Fedora or RHEL image, for example node:22-bookworm-slim',
    );
  }
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27)) {
    throw new SetupError(
      `glibc ${glibc} is too old: TensorFlow needs 2.27 or newer.`,
      'Use Debian 10, Ubuntu 18.04, RHEL 9 or newer',
    );
  }
  // TensorFlow's builds for x86-64 use AVX throughout; without it they end with "Illegal instruction".
  if (platform === 'linux-x64' && /^flags\s*:(?!.*\bavx\b)/m.test(readText('/proc/cpuinfo'))) {
    throw new SetupError(
      'This CPU (or virtual machine) has no AVX, which TensorFlow needs.',
      'In a virtual machine, pass the host CPU through (for example QEMU -cpu host)',
    );
  }
}

/**
 * @returns {string | undefined} undefined where Node runs on another C library
 */
function glibcVersion() {
  // Without this the report looks up the name of every open connection.
  Object.assign(process.report, { excludeNetwork: true });
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  );
  return report.header.glibcVersionRuntime;
}

/**
 * The text of a file; empty when it cannot be read.
 * @param {string} file
 */
function readText(file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Whether an NVIDIA driver is installed: its kernel module, its device, or its CUDA library. */
export function hasNvidiaDriver() {
  return (
    existsSync('/proc/driver/nvidia/version') ||
    existsSync('/dev/nvidiactl') ||
    // The linker's cache holds the names as plain text: no need to start ldconfig each time.
    readText('/etc/ld.so.cache').includes('libcuda.so.1')
  );
}

/**
 * Decides what `auto` stands for.
 * @param {import('./options.mjs').WantedVariant} wanted
 * @param {Platform} platform
 * @param {boolean} nvidiaDriver whether one is installed
 * @returns {Variant}
 * @throws {SetupError} for a variant that has no build for the platform
 */
export function chooseVariant(wanted, platform, nvidiaDriver) {
  const gpuPossible = platform === 'linux-x64';
  if (wanted === 'gpu' && !gpuPossible) {
    throw new SetupError(
      `TensorFlow has no GPU build for ${platform}.`,
      'Use --variant cpu (or unset TFJS_SERVING_VARIANT)',
    );
  }
  if (wanted !== 'auto') return wanted;
  return gpuPossible && nvidiaDriver ? 'gpu' : 'cpu';
}
