import type { ModelStatus } from '../../models/model-manager';
import type { Servable } from '../../models/servable';

/** `model_version_status`: the newest version first. */
export function modelStatusBody(servables: readonly Servable[]): object {
  return {
    model_version_status: [...servables]
      .sort((a, b) => b.version - a.version)
      .map(({ version, state, reason, dormant }) => ({
        version: String(version),
        state,
        status:
          reason === undefined
            ? { error_code: 'OK', error_message: dormant ? 'not resident' : '' }
            : { error_code: 'INTERNAL', error_message: reason },
      })),
  };
}

/** Versions that the address means: one, or all. */
export function servablesAt(
  { servables }: ModelStatus,
  version: number | undefined,
): readonly Servable[] {
  return version === undefined
    ? servables
    : servables.filter((servable) => servable.version === version);
}
