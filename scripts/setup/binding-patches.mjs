import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';

/**
 * Changes made to the package's C++ sources before they are compiled. Each must match exactly
 * once, so that a new version of the package cannot be patched wrongly in silence. Whoever changes
 * one raises `layout` in tensorflow.json: that makes every clone compile anew.
 */
const PATCHES = [
  {
    file: 'tfjs_backend.cc',
    why: 'uint8 results, what image models answer, cannot be read otherwise: "Unhandled TF_DataType: 4"',
    from: `    case TF_BOOL:
      typed_array_type = napi_uint8_array;
`,
    to: `    case TF_BOOL:
    case TF_UINT8:
      typed_array_type = napi_uint8_array;
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'a run keeps its input tensors and names for ever when it fails: they go however it ends',
    from: `  std::vector<TF_Output> inputs;
  std::vector<TF_Output> outputs;
`,
    to: `  std::vector<TF_Tensor *> input_values;
  std::vector<TF_Tensor *> output_values;
  struct Release {
    std::vector<TF_Tensor *> &inputs;
    std::vector<TF_Tensor *> &outputs;
    std::vector<const char *> &input_names;
    std::vector<const char *> &output_names;
    ~Release() {
      for (TF_Tensor *tensor : inputs) TF_DeleteTensor(tensor);
      for (TF_Tensor *tensor : outputs) TF_DeleteTensor(tensor);
      for (const char *name : input_names) delete[] name;
      for (const char *name : output_names) delete[] name;
    }
  } release{input_values, output_values, input_op_name_array, output_op_name_array};

  std::vector<TF_Output> inputs;
  std::vector<TF_Output> outputs;
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'declared above, where what releases them is',
    from: `  std::vector<TF_Tensor *> input_values;

  for (`,
    to: '  for (',
  },
  {
    file: 'tfjs_backend.cc',
    why: 'declared above, where what releases them is',
    from: '  std::vector<TF_Tensor *> output_values(outputs.size(), nullptr);\n',
    to: '  output_values.resize(outputs.size(), nullptr);\n',
  },
  {
    file: 'tfjs_backend.cc',
    why: 'an output is released once, at the end',
    from: `    // Deallocate output TF_Tensor in C++.
    TF_DeleteTensor(output_values[i]);
`,
    to: '',
  },
  {
    file: 'tfjs_backend.cc',
    why: 'a name is released once, at the end',
    from: `    // delete output op name string
    delete output_op_name_array[i];
`,
    to: '',
  },
  {
    file: 'tfjs_backend.cc',
    why: 'inputs are released once, at the end',
    from: `  for (uint32_t i = 0; i < num_input_ids; i++) {
    // Deallocate input TF_Tensor in C++.
    TF_DeleteTensor(input_values[i]);
    // delete input op name string
    delete input_op_name_array[i];
  }

`,
    to: '',
  },
  {
    file: 'utils.h',
    why: "an error carries TensorFlow's code, and its message is not cut at 500 characters",
    from: `inline bool EnsureTFOK(napi_env env, TF_AutoStatus &status, const char *file,
                       const size_t line_number) {
  TF_Code tf_code = TF_GetCode(status.status);
  if (tf_code != TF_OK) {
    NapiThrowError(env, file, line_number, "Invalid TF_Status: %u\\nMessage: %s",
                   TF_GetCode(status.status), TF_Message(status.status));
  }
  return tf_code == TF_OK;
}
`,
    to: `// Its \`code\` is the number of the TF_Code.
inline void ThrowTFError(napi_env env, TF_AutoStatus &status) {
  char code[12];
  std::snprintf(code, sizeof(code), "%d", TF_GetCode(status.status));
  char message[4096];
  std::snprintf(message, sizeof(message), "%s", TF_Message(status.status));
  napi_throw_error(env, code, message);
}

inline bool EnsureTFOK(napi_env env, TF_AutoStatus &status, const char *file,
                       const size_t line_number) {
  TF_Code tf_code = TF_GetCode(status.status);
  if (tf_code != TF_OK) ThrowTFError(env, status);
  return tf_code == TF_OK;
}
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: "a failed run says TensorFlow's code",
    from: `    NAPI_THROW_ERROR(env, "Session fail to run with error: %s",
                     TF_Message(tf_status.status));
`,
    to: `    ThrowTFError(env, tf_status);
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'a SavedModel that cannot be loaded leaves its graph behind',
    from: `    NAPI_THROW_ERROR(env, "Failed to load SavedModel: %s",
                     TF_Message(tf_status.status));
    return nullptr;
`,
    to: `    NAPI_THROW_ERROR(env, "Failed to load SavedModel: %s",
                     TF_Message(tf_status.status));
    TF_DeleteGraph(graph);
    for (const char *tag : tags_ptrs) delete[] tag;
    return nullptr;
`,
  },
  {
    file: 'tfjs_binding.cc',
    why: 'the C library keeps what was freed after a load; this is how a worker gives it back',
    from: `static napi_value GetNumOfTensors(napi_env env, napi_callback_info info) {
`,
    to: `static napi_value TrimMemory(napi_env env, napi_callback_info info) {
  malloc_trim(0);
  return nullptr;
}

static napi_value GetNumOfTensors(napi_env env, napi_callback_info info) {
`,
  },
  {
    file: 'tfjs_binding.cc',
    why: 'declares malloc_trim',
    from: '#include <node_api.h>\n',
    to: '#include <malloc.h>\n#include <node_api.h>\n',
  },
  {
    file: 'tfjs_binding.cc',
    why: 'exports trimMemory',
    from: `      {"getNumOfTensors", nullptr, GetNumOfTensors,`,
    to: `      {"trimMemory", nullptr, TrimMemory, nullptr, nullptr, nullptr,
       napi_default, nullptr},
      {"getNumOfTensors", nullptr, GetNumOfTensors,`,
  },
];

/** Copies the sources into `target` with the patches applied. */
export function patchedSources(sources, target) {
  rmSync(target, { recursive: true, force: true });
  cpSync(sources, target, { recursive: true });
  for (const { file, from, to, why } of PATCHES) {
    const name = path.join(target, file);
    const parts = readFileSync(name, 'utf8').split(from);
    if (parts.length !== 2) {
      throw new SetupError(
        `A patch for ${file} fits in ${parts.length - 1} places instead of one (${why}).`,
      );
    }
    writeFileSync(name, parts.join(to));
  }
}
