import { existsSync, readFileSync } from 'node:fs';
import { SetupError } from './errors.mjs';

export const MINIMUM_NODE = 20;
const ARCHITECTURES = ['x64', 'arm64'];

/** Throws unless TensorFlow's libraries and the server can run here; needs no file access. */
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
  if (!ARCHITECTURES.includes(arch)) {
    throw new SetupError(
      `There is no TensorFlow build for ${os} ${arch}.`,
      `Supported: ${ARCHITECTURES.map((name) => `linux ${name}`).join(', ')}`,
    );
  }
  return `${os}-${arch}`;
}

/** What only the first installation has to ask: it reads the process report and /proc. */
export function checkSystem(platform) {
  process.report.excludeNetwork = true;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (glibc === undefined) {
    throw new SetupError(
      'This Node runs on musl (Alpine); TensorFlow is built for glibc.',
      'Use a Debian, Ubuntu, Fedora or RHEL image, for example node:22-bookworm-slim',
    );
  }
  const [major, minor] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27)) {
    throw new SetupError(
      `glibc ${glibc} is too old: TensorFlow needs 2.27 or newer.`,
      'Use Debian 10, Ubuntu 18.04, RHEL 9 or newer',
    );
  }
  // TensorFlow's x86-64 builds use AVX throughout and end with "Illegal instruction" without it.
  if (platform === 'linux-x64' && /^flags\s*:(?!.*\bavx\b)/m.test(readText('/proc/cpuinfo'))) {
    throw new SetupError(
      'This CPU (or virtual machine) has no AVX, which TensorFlow needs.',
      'In a virtual machine, pass the host CPU through (for example QEMU -cpu host)',
    );
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** True where an NVIDIA driver is installed: its kernel module, its device, or its CUDA library. */
export function hasNvidiaDriver() {
  return (
    existsSync('/proc/driver/nvidia/version') ||
    existsSync('/dev/nvidiactl') ||
    // The linker's cache holds the names as plain text: no need to start ldconfig each time.
    readText('/etc/ld.so.cache').includes('libcuda.so.1')
  );
}

/** Settles `auto`, and refuses a variant that has no build for the platform. */
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
