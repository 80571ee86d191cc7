/** Every second pixel of every second row, counted from 1, of a picture of twice the given size. */
export function oddPixels(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = ((2 * y + 1) * 2 * width + 1) * 3;
    for (let x = 0; x < width; x++, from += 6) {
      out[to++] = rgb[from] ?? 0;
      out[to++] = rgb[from + 1] ?? 0;
      out[to++] = rgb[from + 2] ?? 0;
    }
  }
  return out;
}

/**
 * RGB to grey with the weights of BT.601, 0.299, 0.587 and 0.114, which PIL and tf.image use and
 * models are trained with. libvips weighs linear light instead and is up to tens of levels off.
 */
export function toLuma(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgb.length / 3);
  for (let i = 0, from = 0; i < out.length; i++, from += 3) {
    // In 1/65536; the weights add up to 65536, so greys stay what they are.
    out[i] =
      ((rgb[from] ?? 0) * 19595 +
        (rgb[from + 1] ?? 0) * 38470 +
        (rgb[from + 2] ?? 0) * 7471 +
        32768) >>
      16;
  }
  return out;
}
