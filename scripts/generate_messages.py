#!/usr/bin/env python3
"""Generate src/saved-model/protobuf/{tensorflow_pb,operations}.ts: the part of TensorFlow's messages that
the rewriter reads and writes, and the operations that TensorFlow has, from its own Python package.

What is left out (most of the object graph, debug information) survives a read and a write as
unknown fields. The compiler plug-in is protobuf-es's; the version must be that of
@bufbuild/protobuf in package.json:

    npm install --prefix /tmp/gen @bufbuild/protoc-gen-es@2.17.0
    python scripts/generate_messages.py --plugin /tmp/gen/node_modules/.bin/protoc-gen-es
"""

import argparse
import base64
import gzip
import os
import pathlib
import subprocess

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from tensorflow.core.framework import (
    attr_value_pb2,
    function_pb2,
    graph_pb2,
    node_def_pb2,
    op_def_pb2,
    tensor_pb2,
    tensor_shape_pb2,
    types_pb2,
    versions_pb2,
)
from tensorflow.core.protobuf import (
    meta_graph_pb2,
    saved_model_pb2,
    saved_object_graph_pb2,
    saver_pb2,
    tensor_bundle_pb2,
    trackable_object_graph_pb2,
)
from tensorflow.python.client import pywrap_tf_session

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "src" / "saved-model" / "protobuf"
NAME = "tensorflow"

MESSAGES = [
    saved_model_pb2.SavedModel,
    meta_graph_pb2.MetaGraphDef,
    meta_graph_pb2.CollectionDef,
    meta_graph_pb2.SignatureDef,
    meta_graph_pb2.TensorInfo,
    graph_pb2.GraphDef,
    function_pb2.FunctionDefLibrary,
    function_pb2.FunctionDef,
    node_def_pb2.NodeDef,
    attr_value_pb2.AttrValue,
    attr_value_pb2.NameAttrList,
    tensor_pb2.TensorProto,
    tensor_shape_pb2.TensorShapeProto,
    op_def_pb2.OpDef,
    op_def_pb2.OpList,
    versions_pb2.VersionDef,
    saver_pb2.SaverDef,
    tensor_bundle_pb2.BundleHeaderProto,
    tensor_bundle_pb2.BundleEntryProto,
    saved_object_graph_pb2.SavedObjectGraph,
    saved_object_graph_pb2.SavedObject,
    saved_object_graph_pb2.SavedConcreteFunction,
    trackable_object_graph_pb2.TrackableObjectGraph,
]
# google.protobuf.Any would need a second generated file; the optimiser has no use for the field.
KNOWN = {f".tensorflow.{message.DESCRIPTOR.name}" for message in MESSAGES} | {".tensorflow.DataType"}


def is_kept(type_name: str) -> bool:
    return not type_name or any(type_name == k or type_name.startswith(f"{k}.") for k in KNOWN)


def prune(message: descriptor_pb2.DescriptorProto) -> None:
    """Drop the fields, at any depth, whose type is not among the messages kept."""
    for nested in message.nested_type:
        prune(nested)
    # An entry that lost its value, or a message that lost everything, takes its field with it.
    dropped = {
        nested.name
        for nested in message.nested_type
        if len(nested.field) < (2 if nested.options.map_entry else 1)
    }
    nested_kept = [nested for nested in message.nested_type if nested.name not in dropped]
    fields_kept = [
        field
        for field in message.field
        if is_kept(field.type_name) and field.type_name.rsplit(".", 1)[-1] not in dropped
    ]
    del message.field[:], message.nested_type[:]
    message.field.extend(fields_kept)
    message.nested_type.extend(nested_kept)


def registered_operations() -> str:
    """Every operation of TensorFlow, without its inputs, documentation and unneeded attributes."""
    result = op_def_pb2.OpList()
    for name, definition in sorted(operations_by_name().items()):
        kept = result.op.add(name=name, is_stateful=definition.is_stateful)
        needed = set()
        for output in definition.output_arg:
            copy = kept.output_arg.add()
            copy.CopyFrom(output)
            copy.ClearField("description")
            copy.ClearField("handle_data")
            copy.ClearField("experimental_full_type")
            needed |= {output.type_attr, output.number_attr, output.type_list_attr}
        for attr in definition.attr:
            if attr.name in needed:
                kept.attr.add(name=attr.name, type=attr.type).default_value.CopyFrom(attr.default_value)
                if not attr.HasField("default_value"):
                    kept.attr[-1].ClearField("default_value")
    return base64.b64encode(gzip.compress(result.SerializeToString(deterministic=True), mtime=0)).decode()


def operations_by_name() -> dict:
    operations = op_def_pb2.OpList()
    operations.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {operation.name: operation for operation in operations.op}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugin", type=pathlib.Path, required=True, help="protoc-gen-es")
    arguments = parser.parse_args()

    file = descriptor_pb2.FileDescriptorProto(name=f"{NAME}.proto", package="tensorflow", syntax="proto3")
    for message in MESSAGES:
        copy = file.message_type.add()
        message.DESCRIPTOR.CopyToProto(copy)
        prune(copy)
    types_pb2.DataType.DESCRIPTOR.CopyToProto(file.enum_type.add())

    request = plugin_pb2.CodeGeneratorRequest(file_to_generate=[file.name], parameter="target=ts")
    request.proto_file.append(file)
    done = subprocess.run([arguments.plugin], input=request.SerializeToString(), stdout=subprocess.PIPE, check=True)
    response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
    if response.error:
        raise SystemExit(response.error)
    (generated,) = response.file
    header = (
        "// Copyright 2015-2026 The TensorFlow Authors. Licensed under the Apache License, Version 2.0.\n"
        f"// TensorFlow {tf.__version__}'s message definitions, pruned by scripts/generate_messages.py.\n"
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "tensorflow_pb.ts").write_text(header + generated.content.replace("/* eslint-disable */\n", ""))
    (FOLDER / "operations.ts").write_text(
        header
        + "/** An OpList of every registered operation: outputs and statefulness; gzip, base64. */\n"
        + f"export const REGISTERED_OPERATIONS =\n  '{registered_operations()}';\n"
    )


if __name__ == "__main__":
    main()
