/** TensorFlow's words for a variable that nothing has restored. */
const NOT_RESTORED = /Could not find variable|uninitialized value/i;

/** Why a model cannot be loaded or run, in TensorFlow's words, and what to do about it where that is known. */
export function withAdvice(reason: string): string {
  if (!NOT_RESTORED.test(reason)) return reason;
  return `${reason}\nThe SavedModel does not restore this variable, as when tf.saved_model.save is given a Keras 3 model: save it with model.export(folder), or serve it with optimisation on, which repairs it`;
}
