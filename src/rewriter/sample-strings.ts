/** Pictures of 16 × 12 pixels, RGB: models that decode them take nothing else. */
const JPEGS = [
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAMABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABQP/xAAZEAADAAMAAAAAAAAAAAAAAAAABCECAzH/xAAUAQEAAAAAAAAAAAAAAAAAAAAF/8QAFxEAAwEAAAAAAAAAAAAAAAAAAAIEAf/aAAwDAQACEQMRAD8AIUV5BpRXkJqa8ZBtTXjIJMwJXRp//9k=',
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAMABADASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAgQFBv/EABkQAAIDAQAAAAAAAAAAAAAAAAADAQJhIf/EABUBAQEAAAAAAAAAAAAAAAAAAAME/8QAFxEAAwEAAAAAAAAAAAAAAAAAAAEDAv/aAAwDAQACEQMRAD8Ay6U4PpTgKawUE1jg2UVymj//2Q==',
];
const PNGS = [
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAIAAADkharWAAAAWUlEQVR42pXQsQ2AQAxDUZO4iLdgGCZj8VBQII7TkbTWkyz97djPDIeIYIoIQvwuCKYcQWtpiNbSGbSWhmgtjfuhrlNuLT2vtNCTSms9VvrVr0oV/VQqaogXgW1E+X+1mRIAAAAASUVORK5CYII=',
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAIAAADkharWAAAAV0lEQVR42pXRsQnAQAxDUSQkZYlsEMj+46UIAeeasxsX5oGKj/O+AoUKHCpQ6HK/P23ooDjSgTnSoTjSgTjSoTnS78JALwt7XRdaOmuHnf53aOjSoadDP1CxCXFKgR3LAAAAAElFTkSuQmCC',
];

const pictures = [...PNGS, ...JPEGS].map((picture) => Buffer.from(picture, 'base64'));

/**
 * What the elements of an input of strings may be, as far as it can be guessed; tried in this order.
 * Those of one kind differ, so that rows cannot be mistaken for each other.
 */
export const STRING_KINDS: readonly (readonly Buffer[])[] = [
  pictures,
  // Some operations read nothing but JPEG.
  JPEGS.map((picture) => Buffer.from(picture, 'base64')),
  // As tf.io.decode_base64 reads it.
  pictures.map((picture) => Buffer.from(picture.toString('base64url'))),
  ['a cat', 'the dog sat', '7', ''].map((text) => Buffer.from(text)),
  // A tf.train.Example without features.
  [Buffer.alloc(0)],
];
