/** Signatures that TensorFlow keeps for itself: initialisation and training. */
const INTERNAL_SIGNATURES: readonly string[] = ['__saved_model_init_op', '__saved_model_train_op'];

export function isInternalSignature(name: string): boolean {
  return INTERNAL_SIGNATURES.includes(name);
}
