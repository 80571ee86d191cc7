import type { Servable } from '../models/servable';
import type { TaskModel } from '../tasks/task';

/** A servable as its task sees it now: a rewrite may go while it serves. */
export function taskModel({
  spec,
  imageGraph,
}: Pick<Servable, 'spec' | 'imageGraph'>): TaskModel<never> {
  const { settings, labels, signatureName, signature, image } = spec;
  return {
    settings: settings as never,
    labels,
    own: { signatureName, signature, image },
    rewritten: imageGraph,
  };
}
