import { z } from 'zod';

const signatureName = z
  .string()
  .optional()
  .meta({ description: 'Default: that of model.json, else serving_default' });

/** A number, text, true, false, `{"b64": "…"}`, or a list of such values to any depth. */
const tensorValue = z.unknown().meta({
  description:
    'Nested lists of numbers, texts, true, false or {"b64": "…"} (bytes in base64). NaN, Infinity and -Infinity are taken as numbers. For the input of an image model {"b64": "…"} can be an image file',
});

export const predictRequestSchema = z
  .union([
    z
      .object({
        signature_name: signatureName,
        instances: z
          .array(z.unknown())
          .describe('One value for each row, or an object of named inputs for each row'),
      })
      .meta({ id: 'PredictByRows' }),
    z
      .object({
        signature_name: signatureName,
        inputs: tensorValue.meta({
          description:
            'The tensor, or an object with a tensor for each input; {} for a signature without inputs',
        }),
      })
      .meta({ id: 'PredictByColumns' }),
  ])
  .meta({
    id: 'PredictRequest',
    description: 'Row format (`instances`) or column format (`inputs`)',
  });

export const predictResponseSchema = z
  .union([
    z.object({ predictions: z.array(z.unknown()) }).meta({ id: 'PredictedRows' }),
    z.object({ outputs: tensorValue }).meta({ id: 'PredictedColumns' }),
  ])
  .meta({
    id: 'PredictResponse',
    description:
      'As asked: rows (`predictions`) or columns (`outputs`). A model that answers NaN or infinity makes it JSON with the tokens NaN, Infinity and -Infinity',
  });

const features = z.record(z.string(), z.unknown());

export const examplesRequestSchema = z
  .object({
    signature_name: signatureName,
    context: features.optional().describe('Features of every example'),
    examples: z.array(features),
  })
  .meta({ id: 'ExamplesRequest' });

export const classifyResponseSchema = z
  // Pairs: as tuples in JSON Schema, tools that check documents miss the type of the items.
  .object({
    results: z.array(z.array(z.array(z.union([z.string(), z.number()])).length(2))),
  })
  .meta({
    id: 'ClassificationResults',
    description: '[label, score] of every class of every example',
  });

export const regressResponseSchema = z
  .object({ results: z.array(z.number()) })
  .meta({ id: 'RegressionResults' });

export const modelVersionStatusSchema = z
  .object({
    model_version_status: z.array(
      z
        .object({
          version: z.string(),
          state: z.enum(['START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']),
          status: z
            .object({ error_code: z.string(), error_message: z.string() })
            .meta({ id: 'TfServingStatus' }),
        })
        .meta({ id: 'TfServingVersion' }),
    ),
  })
  .meta({ id: 'ModelVersionStatus' });

const tensorShape = z
  .object({
    dim: z.array(z.object({ size: z.string(), name: z.string() }).meta({ id: 'TensorDimension' })),
    unknown_rank: z.boolean(),
  })
  .meta({ id: 'TensorShape' });

const tensorInfo = z
  .object({ dtype: z.string(), tensor_shape: tensorShape, name: z.string() })
  .meta({ id: 'TensorInfo' });

const signatureDef = z
  .object({
    inputs: z.record(z.string(), tensorInfo),
    outputs: z.record(z.string(), tensorInfo),
    method_name: z.string(),
    defaults: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'SignatureDef' });

const signatureDefMap = z
  .object({ '@type': z.string(), signature_def: z.record(z.string(), signatureDef) })
  .meta({ id: 'SignatureDefMap' });

export const modelMetadataSchema = z
  .object({
    model_spec: z
      .object({ name: z.string(), signature_name: z.string(), version: z.string() })
      .meta({ id: 'ModelSpec' }),
    metadata: z.object({ signature_def: signatureDefMap }).meta({ id: 'MetadataMap' }),
  })
  .meta({ id: 'ModelMetadata' });
