import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';

/**
 * Changes made to the package's C++ sources before they are compiled. Each must match exactly
 * once, so that a new version of the package cannot be patched wrongly in silence. Raise `layout`
 * in tensorflow.json with every change: it makes every clone compile again.
 */
const PATCHES = [
  {
    file: 'tfjs_backend.cc',
    why: 'uint8 results, which image models give, cannot be read otherwise: "Unhandled TF_DataType: 4"',
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
    why: 'types that JavaScript has no array for, such as float16, come as their bytes',
    from: `      if (dtype != TF_BOOL && dtype != TF_UINT8) {
        NAPI_THROW_ERROR(env, "Tensor type does not match Uint8Array");
        return nullptr;
      }
      width = sizeof(uint8_t);
      break;
`,
    to: `      width = TF_DataTypeSize(dtype);
      if (width == 0 || array_length % width != 0) {
        NAPI_THROW_ERROR(env, "%zu bytes hold no elements of type %d", array_length, dtype);
        return nullptr;
      }
      array_length /= width;
      break;
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'a run that fails keeps its input tensors and names for ever: release them however it ends',
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
    why: 'declared above, beside the code that releases them',
    from: `  std::vector<TF_Tensor *> input_values;

  for (`,
    to: '  for (',
  },
  {
    file: 'tfjs_backend.cc',
    why: 'declared above, beside the code that releases them',
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
    why: 'the C library keeps memory that was freed after a load; an instance gives it back this way',
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
  {
    file: 'tfjs_backend.cc',
    why: 'settings per process, such as the memory of a GPU, are fixed when the first device is made',
    from: `  TFE_ContextOptions *tfe_options = TFE_NewContextOptions();
`,
    to: `  TFE_ContextOptions *tfe_options = TFE_NewContextOptions();
  // A serialised ConfigProto in hexadecimal.
  std::string context_config;
  if (const char *hex = std::getenv("TFJS_SERVING_CONTEXT_CONFIG")) {
    for (; hex[0] != 0 && hex[1] != 0; hex += 2) {
      const char byte[] = {hex[0], hex[1], 0};
      context_config.push_back(static_cast<char>(std::strtol(byte, nullptr, 16)));
    }
  }
  if (!context_config.empty()) {
    TFE_ContextOptionsSetConfig(tfe_options, context_config.data(), context_config.size(),
                                tf_status.status);
    if (TF_GetCode(tf_status.status) != TF_OK) {
      NAPI_THROW_ERROR(env, "TFJS_SERVING_CONTEXT_CONFIG is not a ConfigProto");
    }
  }
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'declares getenv and memcpy',
    from: '#include "tfjs_backend.h"\n',
    to: '#include <cstdlib>\n#include <cstring>\n#include "tfjs_backend.h"\n',
  },
  {
    file: 'tfjs_backend.h',
    why: 'options of the sessions that are loaded, and outputs copied into existing memory',
    from: ' public:\n  bool is_gpu_device;\n',
    to: ` public:
  // Copies the data of a tensor into a Uint8Array of its size.
  void CopyTensorData(napi_env env, napi_value tensor_id_value, napi_value target_value);

  // A serialised ConfigProto.
  std::string session_config;
  bool is_gpu_device;
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'options of the session',
    from: `  TF_AutoStatus tf_status;

  TF_Session *session = TF_LoadSessionFromSavedModel(
`,
    to: `  TF_AutoStatus tf_status;

  if (!session_config.empty()) {
    TF_SetConfig(session_options, session_config.data(), session_config.size(),
                 tf_status.status);
    ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  }

  TF_Session *session = TF_LoadSessionFromSavedModel(
`,
  },
  {
    file: 'tfjs_backend.cc',
    why: 'an output is copied to where the other process reads it, without a buffer in between',
    from: 'napi_value TFJSBackend::GetNumOfSavedModels(napi_env env) {\n',
    to: `void TFJSBackend::CopyTensorData(napi_env env, napi_value tensor_id_value,
                                 napi_value target_value) {
  int32_t tensor_id;
  ENSURE_NAPI_OK(env, napi_get_value_int32(env, tensor_id_value, &tensor_id));
  auto entry = tfe_handle_map_.find(tensor_id);
  if (entry == tfe_handle_map_.end()) {
    NAPI_THROW_ERROR(env, "Copy of a Tensor not referenced (tensor_id: %d)", tensor_id);
    return;
  }
  napi_typedarray_type type;
  size_t length;
  void *data;
  ENSURE_NAPI_OK(env, napi_get_typedarray_info(env, target_value, &type, &length, &data,
                                               nullptr, nullptr));
  TF_AutoStatus tf_status;
  TF_AutoTensor tensor(TFE_TensorHandleResolve(entry->second, tf_status.status));
  ENSURE_TF_OK(env, tf_status);
  if (type != napi_uint8_array || length != TF_TensorByteSize(tensor.tensor)) {
    NAPI_THROW_ERROR(env, "A tensor of %zu bytes was to be copied into %zu",
                     TF_TensorByteSize(tensor.tensor), length);
    return;
  }
  std::memcpy(data, TF_TensorData(tensor.tensor), length);
}

napi_value TFJSBackend::GetNumOfSavedModels(napi_env env) {
`,
  },
  {
    file: 'tfjs_binding.cc',
    why: 'defines copyTensorData and setSessionConfig',
    from: 'static napi_value GetNumOfSavedModels(napi_env env, napi_callback_info info) {\n',
    to: `static napi_value CopyTensorData(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  backend->CopyTensorData(env, args[0], args[1]);
  return nullptr;
}

static napi_value SetSessionConfig(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  size_t length;
  void *data;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_typedarray_info(env, args[0], nullptr, &length, &data,
                                                      nullptr, nullptr), nullptr);
  backend->session_config.assign(static_cast<const char *>(data), length);
  return nullptr;
}

static napi_value GetNumOfSavedModels(napi_env env, napi_callback_info info) {
`,
  },
  {
    file: 'tfjs_binding.cc',
    why: 'exports copyTensorData and setSessionConfig',
    from: `      {"getNumOfSavedModels", nullptr, GetNumOfSavedModels,`,
    to: `      {"copyTensorData", nullptr, CopyTensorData, nullptr, nullptr, nullptr,
       napi_default, nullptr},
      {"setSessionConfig", nullptr, SetSessionConfig, nullptr, nullptr, nullptr,
       napi_default, nullptr},
      {"getNumOfSavedModels", nullptr, GetNumOfSavedModels,`,
  },
];

/**
 * Copies the sources into `target` with the patches applied.
 * @param {string} sources folder of the package's C++ sources
 * @param {string} target folder to write; replaced if it exists
 * @throws {SetupError} when a patch does not fit
 */
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
