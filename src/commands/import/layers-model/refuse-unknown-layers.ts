export function refuseUnknownLayers(_topology: unknown): void {}
