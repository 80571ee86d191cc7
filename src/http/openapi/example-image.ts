/** A WebP of 16 × 16 pixels in base64: examples that can be sent as they are. */
export const EXAMPLE_IMAGE =
  'UklGRi4AAABXRUJQVlA4ICIAAABwAQCdASoQABAADMDOJaACdAFAAAD+rhYwmknRqy1EN+AA';
