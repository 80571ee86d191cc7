import { create } from '@bufbuild/protobuf';

import {
  AttrValueSchema,
  AttrValue_ListValueSchema,
  TensorShapeProtoSchema,
  type AttrValue,
  type DataType,
  type NameAttrList,
  type NodeDef,
  type TensorProto,
} from '../../saved-model/protobuf/tensorflow_pb';

export type Attributes = Record<string, AttrValue>;

export function typeAttr(type: DataType): AttrValue {
  return create(AttrValueSchema, { value: { case: 'type', value: type } });
}

export function intAttr(value: number): AttrValue {
  return create(AttrValueSchema, { value: { case: 'i', value: BigInt(value) } });
}

export function boolAttr(value: boolean): AttrValue {
  return create(AttrValueSchema, { value: { case: 'b', value } });
}

export function floatAttr(value: number): AttrValue {
  return create(AttrValueSchema, { value: { case: 'f', value } });
}

export function textAttr(value: string): AttrValue {
  return create(AttrValueSchema, { value: { case: 's', value: Buffer.from(value) } });
}

export function tensorAttr(value: TensorProto): AttrValue {
  return create(AttrValueSchema, { value: { case: 'tensor', value } });
}

export function typeListAttr(type: readonly DataType[]): AttrValue {
  return create(AttrValueSchema, {
    value: { case: 'list', value: create(AttrValue_ListValueSchema, { type: [...type] }) },
  });
}

export function intListAttr(values: readonly number[]): AttrValue {
  return create(AttrValueSchema, {
    value: { case: 'list', value: create(AttrValue_ListValueSchema, { i: values.map(BigInt) }) },
  });
}

/** -1 marks a dimension of any size. */
export function shapeAttr(shape: readonly number[] | undefined): AttrValue {
  const value = create(
    TensorShapeProtoSchema,
    shape === undefined
      ? { unknownRank: true }
      : { dim: shape.map((size) => ({ size: BigInt(size) })) },
  );
  return create(AttrValueSchema, { value: { case: 'shape', value } });
}

export function typeOf(attributes: Attributes, name: string): DataType | undefined {
  const value = attributes[name]?.value;
  return value?.case === 'type' ? value.value : undefined;
}

export function typesOf(attributes: Attributes, name: string): readonly DataType[] | undefined {
  const value = attributes[name]?.value;
  return value?.case === 'list' ? value.value.type : undefined;
}

export function numberOf(attributes: Attributes, name: string): number | undefined {
  const value = attributes[name]?.value;
  return value?.case === 'i' ? Number(value.value) : value?.case === 'f' ? value.value : undefined;
}

export function integersOf(attributes: Attributes, name: string): readonly number[] | undefined {
  const value = attributes[name]?.value;
  return value?.case === 'list' ? value.value.i.map(Number) : undefined;
}

export function booleanOf(attributes: Attributes, name: string): boolean | undefined {
  const value = attributes[name]?.value;
  return value?.case === 'b' ? value.value : undefined;
}

export function textOf(attributes: Attributes, name: string): string | undefined {
  const value = attributes[name]?.value;
  return value?.case === 's' ? Buffer.from(value.value).toString() : undefined;
}

export function tensorOf(attributes: Attributes, name: string): TensorProto | undefined {
  const value = attributes[name]?.value;
  return value?.case === 'tensor' ? value.value : undefined;
}

/** The elements of a constant of strings. */
export function stringsOf({ stringVal }: TensorProto): string[] {
  return stringVal.map((bytes) => Buffer.from(bytes).toString());
}

/** Every function an attribute of the node names, with the attribute it is in. */
export function functionsOf(
  node: NodeDef,
): { readonly attr: string; readonly func: NameAttrList }[] {
  return Object.entries(node.attr).flatMap(([attr, { value }]) => {
    if (value.case === 'func') return [{ attr, func: value.value }];
    if (value.case === 'list') return value.value.func.map((func) => ({ attr, func }));
    return [];
  });
}
