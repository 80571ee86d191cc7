/** Numbers of the tags that tell what a picture is and where its data are. */
export const TAG = {
  newSubfileType: 254,
  imageWidth: 256,
  imageLength: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  tileWidth: 322,
  tileLength: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  subDirectories: 330,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  dngVersion: 50706,
} as const;

export const COMPRESSION = {
  none: 1,
  ccittRle: 2,
  ccittFax3: 3,
  ccittFax4: 4,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  packBits: 32773,
  oldDeflate: 32946,
  webp: 50001,
} as const;

/** Codecs that sharp's libtiff has. */
export const KNOWN_COMPRESSIONS: readonly number[] = Object.values(COMPRESSION);

/** Names of those that it has not, for errors. */
export const OTHER_COMPRESSIONS: ReadonlyMap<number, string> = new Map([
  [6, 'JPEG (old style)'],
  [9, 'JBIG'],
  [10, 'JBIG'],
  [32766, 'NeXT'],
  [32771, 'CCITT RLE/W'],
  [32809, 'ThunderScan'],
  [32909, 'PixarLog'],
  [33003, 'JPEG 2000'],
  [33004, 'JPEG 2000'],
  [33005, 'JPEG 2000'],
  [34661, 'JBIG'],
  [34676, 'SGILog'],
  [34677, 'SGILog24'],
  [34712, 'JPEG 2000'],
  [34887, 'LERC'],
  [34892, 'lossy JPEG of a DNG'],
  [34925, 'LZMA'],
  [50000, 'ZSTD'],
  [50002, 'JPEG XL'],
  [52546, 'JPEG XL'],
]);

export const PHOTOMETRIC = {
  minIsWhite: 0,
  minIsBlack: 1,
  rgb: 2,
  palette: 3,
  separated: 5,
  yCbCr: 6,
} as const;

/** Names of colour models that are not read, for errors. */
export const OTHER_PHOTOMETRICS: ReadonlyMap<number, string> = new Map([
  [4, 'a transparency mask'],
  [8, 'CIE L*a*b*'],
  [9, 'ICC L*a*b*'],
  [10, 'ITU L*a*b*'],
  [32844, 'LogL'],
  [32845, 'LogLuv'],
]);

/** Sensor data of cameras: a colour filter's pattern, and linear. */
export const RAW_PHOTOMETRICS: readonly number[] = [32803, 34892];

/** Names of samples that are not read, for errors. */
export const SAMPLE_FORMATS: ReadonlyMap<number, string> = new Map([
  [2, 'signed'],
  [3, 'floating-point'],
  [4, 'untyped'],
  [5, 'complex integer'],
  [6, 'complex floating-point'],
]);

/** What the first tag values mean that say what a sample beyond the colours is. */
export const EXTRA = { unspecified: 0, associatedAlpha: 1, alpha: 2 } as const;
