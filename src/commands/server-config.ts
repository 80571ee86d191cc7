import { loadConfig } from '../config/load';
import type { Config } from '../config/schema';
import { messageOf } from '../kernel/errors';
import { CliError } from './exit-codes';

/**
 * The configuration that the server would have, for a command about one of its models.
 * @throws CliError usage
 */
export function serverConfig(repository: string | undefined): Config {
  try {
    return loadConfig({
      args: repository === undefined ? [] : ['--model-repository', repository],
      env: process.env,
    });
  } catch (cause) {
    throw new CliError('usage', messageOf(cause), { cause });
  }
}
