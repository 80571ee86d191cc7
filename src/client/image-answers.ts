import type { Answered, OneOf, Prediction } from './answers';

/** Several images in one request: a result or an error each, in the order they were given. */
export interface Several<T> extends Answered {
  readonly results: readonly OneOf<T>[];
}

/** An encoded picture. */
export interface PictureBytes {
  readonly bytes: Uint8Array;
  /** Such as `image/png`. */
  readonly mediaType: string;
}

/** The picture made from one image. */
export interface GeneratedPicture extends Answered, PictureBytes {}

/** The pictures made from several images. */
export type GeneratedPictures = Several<PictureBytes>;

/** A picture that was made from parameters. */
export interface Made {
  readonly picture: SizedPicture;
  /** Of models that take noise: the same seed gives the same picture. */
  readonly seed?: number | undefined;
}
export type MadePictures = Several<Made>;

/** A text that was made from parameters. */
export interface Written {
  readonly text: string;
  readonly seed?: number | undefined;
}
export interface WrittenText extends Answered, Written {}

/** Labels of one image. */
export interface Classified {
  /** By falling score. */
  readonly predictions: readonly Prediction[];
}
export interface Classification extends Answered, Classified {}
export type Classifications = Several<Classified>;

/** Whole pixels of the upright original. */
export interface Box {
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

export interface Detection {
  /** The index as text for models without labels. */
  readonly label: string;
  readonly index: number;
  readonly score: number;
  readonly box: Box;
}

/** What is where in one image. */
export interface Detected {
  /** By falling score. */
  readonly detections: readonly Detection[];
}
export interface DetectedImage extends Answered, Detected {}
export type DetectedImages = Several<Detected>;

export interface Segment {
  /** The index as text for models without labels. */
  readonly label: string;
  readonly index: number;
  /** Mean probability of its pixels, where the model gives probabilities. */
  readonly score?: number | undefined;
  /** Pixels of the upright original. */
  readonly area: number;
  /** A PNG of the size of the upright original, white where the class is. */
  readonly mask: PictureBytes;
}

/** Which pixels of one image belong to what. */
export interface Segmented {
  /** Of the upright original, in pixels. */
  readonly width: number;
  readonly height: number;
  /** By falling area. */
  readonly segments: readonly Segment[];
}
export interface SegmentedImage extends Answered, Segmented {}
export type SegmentedImages = Several<Segmented>;

/** The vector of one image. */
export interface Embedded {
  readonly embedding: Float32Array;
}
export interface EmbeddedImage extends Answered, Embedded {}
export type EmbeddedImages = Several<Embedded>;

export interface SizedPicture extends PictureBytes {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * What a model of any task makes of one image. Which members there are depends on the task; those
 * that only a newer server knows are there as its JSON has them.
 */
export interface Predicted {
  readonly predictions?: Classified['predictions'] | undefined;
  readonly detections?: Detected['detections'] | undefined;
  readonly segments?: Segmented['segments'] | undefined;
  /** With `segments`: of the upright original, in pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly embedding?: Float32Array | undefined;
  /** Of models that make texts. */
  readonly text?: string | undefined;
  /** Of models that take noise or a seed. */
  readonly seed?: number | undefined;
  /** Of models that make pictures. */
  readonly picture?: SizedPicture | undefined;
}
export interface PredictedImage extends Answered, Predicted {}
export type PredictedImages = Several<Predicted>;
