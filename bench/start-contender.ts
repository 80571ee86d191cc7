import type { Contender } from './contender';
import { ContenderProcess, freePort } from './contender-process';
import { HttpContender } from './http-contender';
import { LoopContender } from './loop-contender';
import type { RunFacts, RunningContender } from './running-contender';

/** @throws Error with the reason: not ready in time, or a wrong answer */
export async function startContender(
  contender: Contender,
  models: number,
  facts: RunFacts,
): Promise<RunningContender> {
  const port = contender.kind === 'http' ? await freePort() : 0;
  const own = new ContenderProcess(
    contender.name,
    contender.command({ repository: facts.repository, port }),
    facts.folder,
    facts.prefix,
  );
  try {
    const running =
      contender.kind === 'http'
        ? new HttpContender(contender, own, `http://127.0.0.1:${String(port)}`, facts)
        : new LoopContender(own, facts);
    await running.ready();
    await running.check(models);
    return running;
  } catch (thrown) {
    await own.stop();
    throw thrown;
  }
}
