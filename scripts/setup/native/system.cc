// What the server needs of Linux that Node does not offer: memory that two processes share, ends that
// are tied together, and limits. No TensorFlow: the HTTP process loads this and not that.
#include <dlfcn.h>
#include <malloc.h>
#include <node_api.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#ifndef FALLOC_FL_KEEP_SIZE
#include <linux/falloc.h>
#endif

namespace {

constexpr size_t kMaxArgs = 3;

struct Call {
  napi_env env;
  napi_value args[kMaxArgs];
  size_t count = kMaxArgs;

  Call(napi_env env, napi_callback_info info) : env(env) {
    napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  }

  int64_t number(size_t index) const {
    int64_t value = -1;
    if (index < count) napi_get_value_int64(env, args[index], &value);
    return value;
  }

  // The error has the name of what failed and errno's text, as Node's own system errors have.
  napi_value fail(const char *what) const {
    const int number = errno;
    const std::string message = std::string(what) + ": " + std::strerror(number);
    napi_throw_error(env, number == ENOMEM ? "ENOMEM" : number == ENOSPC ? "ENOSPC" : "ESYSTEM",
                     message.c_str());
    return nullptr;
  }
};

// createMemory(name) -> file descriptor of anonymous memory; gone with the last process that has it.
napi_value CreateMemory(napi_env env, napi_callback_info info) {
  Call call(env, info);
  char name[64] = "";
  size_t length = 0;
  napi_get_value_string_utf8(env, call.args[0], name, sizeof(name), &length);
  const int descriptor = memfd_create(name, MFD_CLOEXEC);
  if (descriptor < 0) return call.fail("memfd_create");
  napi_value result;
  napi_create_int32(env, descriptor, &result);
  return result;
}

// setSize(descriptor, bytes): memory is taken when it is written to.
napi_value SetSize(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (ftruncate(static_cast<int>(call.number(0)), call.number(1)) != 0) {
    return call.fail("ftruncate");
  }
  return nullptr;
}

void Unmap(napi_env env, void *data, void *hint) {
  munmap(data, reinterpret_cast<uintptr_t>(hint));
}

// map(descriptor, bytes) -> ArrayBuffer over the memory itself.
napi_value Map(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const size_t bytes = static_cast<size_t>(call.number(1));
  void *data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                    static_cast<int>(call.number(0)), 0);
  if (data == MAP_FAILED) return call.fail("mmap");
  napi_value result;
  if (napi_create_external_arraybuffer(env, data, bytes, Unmap,
                                       reinterpret_cast<void *>(bytes), &result) != napi_ok) {
    munmap(data, bytes);
    napi_throw_error(env, "ESYSTEM", "an array buffer cannot be made over mapped memory");
    return nullptr;
  }
  return result;
}

// giveBack(descriptor, from, bytes): the memory there is freed and reads as zeros.
napi_value GiveBack(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (fallocate(static_cast<int>(call.number(0)), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                call.number(1), call.number(2)) != 0) {
    return call.fail("fallocate");
  }
  return nullptr;
}

// dieWithParent(): this process is killed when the one that started it ends, however it ends.
napi_value DieWithParent(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return call.fail("prctl");
  return nullptr;
}

// limitData(bytes): allocations beyond fail instead of being killed for.
napi_value LimitData(napi_env env, napi_callback_info info) {
  Call call(env, info);
  rlimit limit;
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return call.fail("getrlimit");
  limit.rlim_cur = static_cast<rlim_t>(call.number(0));
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
  }
  if (setrlimit(RLIMIT_DATA, &limit) != 0) return call.fail("setrlimit");
  return nullptr;
}

// trimMemory(): what the C library keeps of freed memory goes back to the system.
napi_value TrimMemory(napi_env env, napi_callback_info info) {
  malloc_trim(0);
  return nullptr;
}

void SetNumber(napi_env env, napi_value object, const char *name, int number) {
  napi_value value;
  napi_create_int32(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

// cudaDriver() -> what the library of NVIDIA's driver says: {code, version} as cuInit and
// cuDriverGetVersion have them, or {missing} with the linker's words. It starts CUDA in this process.
napi_value CudaDriver(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_object(env, &result);
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  const auto init =
      library == nullptr ? nullptr : reinterpret_cast<int (*)(unsigned)>(dlsym(library, "cuInit"));
  const auto version = library == nullptr
                           ? nullptr
                           : reinterpret_cast<int (*)(int *)>(dlsym(library, "cuDriverGetVersion"));
  if (init == nullptr) {
    const char *words = dlerror();
    napi_value value;
    napi_create_string_utf8(env, words == nullptr ? "it has no cuInit" : words, NAPI_AUTO_LENGTH,
                            &value);
    napi_set_named_property(env, result, "missing", value);
    return result;
  }
  SetNumber(env, result, "code", init(0));
  int number = 0;
  if (version != nullptr && version(&number) == 0) SetNumber(env, result, "version", number);
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"createMemory", CreateMemory}, {"setSize", SetSize},
      {"map", Map},                   {"giveBack", GiveBack},
      {"dieWithParent", DieWithParent}, {"limitData", LimitData},
      {"trimMemory", TrimMemory},     {"cudaDriver", CudaDriver},
  };
  for (const auto &function : functions) {
    napi_value value;
    if (napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, nullptr,
                             &value) != napi_ok) {
      return nullptr;
    }
    napi_set_named_property(env, exports, function.name, value);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(tfjs_serving_system, Init)
