import { execFileSync } from 'node:child_process';

import { messageOf } from '../kernel/errors';
import { compiledProgram } from '../process/compiled-program';
import type { CudaDriverAnswer } from './system';

/** A driver that has to be woken up takes seconds; one that hangs is told by the time-out. */
const TIMEOUT_MS = 30_000;

/** The CUDA version that TensorFlow's libraries are of; a driver supports it and all older ones. */
const NEEDED_VERSION = 12_000;

/** CUDA's error codes (CUresult) that machines are known to answer, and what helps. */
const ADVICE: Readonly<Record<number, string>> = {
  3: 'CUDA_ERROR_NOT_INITIALIZED: restart the machine, or load the kernel module nvidia_uvm',
  35: 'CUDA_ERROR_INSUFFICIENT_DRIVER: the driver is older than its library; update the NVIDIA driver',
  100: 'CUDA_ERROR_NO_DEVICE: there is no GPU, or it is hidden; look at CUDA_VISIBLE_DEVICES, and start containers with --gpus all',
  101: 'CUDA_ERROR_INVALID_DEVICE: CUDA_VISIBLE_DEVICES names a GPU that there is not',
  802: 'CUDA_ERROR_SYSTEM_NOT_READY: start the NVIDIA fabric manager (systemctl start nvidia-fabricmanager)',
  803: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: the driver's library and its kernel module are of different versions; restart the machine, or update the driver in the container",
  804: 'CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE: the compatibility library in LD_LIBRARY_PATH does not support this GPU; remove it',
  999: 'CUDA_ERROR_UNKNOWN: the driver has failed; load the kernel module nvidia_uvm again, or restart the machine',
};

/** Asks the driver. @throws Error when the process that asks fails or takes too long */
function askDriver(): CudaDriverAnswer {
  const answer = execFileSync(process.execPath, [compiledProgram('runtime/cuda-driver-process')], {
    encoding: 'utf8',
    env: process.env,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(answer) as CudaDriverAnswer;
}

/**
 * Why CUDA cannot be used on this machine, with what helps; undefined when it can.
 * @param ask what NVIDIA's driver says; by default in a process of its own, as it starts CUDA
 */
export function cudaFault(ask: () => CudaDriverAnswer = askDriver): string | undefined {
  let answer: CudaDriverAnswer;
  try {
    answer = ask();
  } catch (thrown) {
    const [reason = ''] = messageOf(thrown).split('\n');
    return `the NVIDIA driver does not answer: ${reason}`;
  }
  if (answer.missing !== undefined) {
    return `the library of the NVIDIA driver cannot be loaded: ${answer.missing}; containers need --gpus all`;
  }
  const { code, version } = answer;
  if (code !== 0) return `CUDA cannot be used: ${ADVICE[code] ?? `its error code is ${code}`}`;
  if (version !== undefined && version < NEEDED_VERSION) {
    return `the NVIDIA driver supports CUDA ${versionText(version)}, and TensorFlow needs 12; update the driver`;
  }
  return undefined;
}

/** 12040 is 12.4. */
function versionText(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}
