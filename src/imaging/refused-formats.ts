/** A format that is recognised only to be refused by name. */
export interface RefusedFormatFacts {
  /** As a subject: "HEIC files". */
  readonly name: string;
  /** What to do about it. */
  readonly advice: string;
}

const TO_JPEG_OR_PNG = 'convert them to JPEG or PNG';

/**
 * Why they are refused: sharp's libvips is built without a decoder for most; those for SVG and PDF
 * run much code on what a stranger sent.
 */
export const REFUSED_FORMATS = {
  heic: {
    name: 'HEIC and HEIF files',
    advice:
      'convert them to JPEG (heif-convert photo.heic photo.jpg), or let the iPhone take JPEGs: Settings, Camera, Formats, Most Compatible',
  },
  jxl: { name: 'JPEG XL files', advice: 'convert them to PNG or JPEG (djxl photo.jxl photo.png)' },
  jp2: {
    name: 'JPEG 2000 files',
    advice: 'convert them to PNG or JPEG (opj_decompress -i photo.jp2 -o photo.png)',
  },
  jls: { name: 'JPEG-LS files', advice: TO_JPEG_OR_PNG },
  jxr: { name: 'JPEG XR files', advice: TO_JPEG_OR_PNG },
  svg: {
    name: 'SVG files',
    advice: 'draw them as PNG (rsvg-convert drawing.svg -o drawing.png)',
  },
  pdf: {
    name: 'PDF files',
    advice: 'save their pages as PNG (pdftoppm -png pages.pdf page)',
  },
  postscript: { name: 'PostScript files', advice: 'save their pages as PNG' },
  ico: { name: 'ICO and CUR files', advice: 'save the picture in them as PNG' },
  psd: { name: 'Photoshop files (PSD)', advice: 'export them as JPEG or PNG' },
  xcf: { name: 'GIMP files (XCF)', advice: 'export them as JPEG or PNG' },
  raw: {
    name: 'Camera raw files',
    advice: 'develop them into JPEG or PNG first; most hold no finished picture but a preview',
  },
  exr: { name: 'OpenEXR files', advice: TO_JPEG_OR_PNG },
  hdr: { name: 'Radiance HDR files', advice: TO_JPEG_OR_PNG },
  pnm: { name: 'PBM, PGM, PPM and PAM files', advice: 'convert them to PNG' },
  dds: { name: 'DDS textures', advice: 'convert them to PNG' },
  qoi: { name: 'QOI files', advice: 'convert them to PNG' },
  dicom: { name: 'DICOM files', advice: 'export the picture in them as PNG' },
  fits: { name: 'FITS files', advice: 'export the picture in them as PNG' },
  numpy: {
    name: 'NumPy arrays',
    advice: 'send an encoded image here, or the numbers as a tensor: docs/protocols.md',
  },
  video: {
    name: 'Videos',
    advice: 'take a frame of them (ffmpeg -i clip.mp4 -frames:v 1 frame.png)',
  },
  archive: { name: 'Archives (zip, gzip, …)', advice: 'unpack them and send the image itself' },
  html: {
    name: 'HTML pages',
    advice: 'send an image; an error page may have been saved in its place',
  },
  base64: {
    name: 'Files of base64 text',
    advice: 'decode them first, or send the text as JSON: {"image": {"b64": "…"}}',
  },
} as const satisfies Record<string, RefusedFormatFacts>;

export type RefusedFormat = keyof typeof REFUSED_FORMATS;
