// The door between JavaScript and the kernels: plain Node-API, one instance an environment.
//
//   prepare(words: Int32Array, numbers: Float64Array, scalars: Float64Array) -> handle
//   bind(handle, slot, array): the memory of an input or output (inputs first); it must live until it is bound anew
//   run(handle)
//   info() -> { isa, known }
//   misalignment(array) -> bytes from the last multiple of 64 to its first number
#define NAPI_EXPERIMENTAL
#include "program.hpp"
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <node_api.h>

// Finalizers of modules that declare the experimental version run inside the garbage collector; those of stable
// versions wait for a turn of the event loop, and a synchronous loop would pile up arenas.
static_assert(NAPI_VERSION == 2147483647, "compile with -DNAPI_VERSION=2147483647");

#define X(isa) extern "C" const cambium::Kernels cambium_##isa;
CAMBIUM_ISAS
#undef X

namespace cambium {
namespace {

const Kernels* const known[] = {
#define X(isa) &cambium_##isa,
    CAMBIUM_ISAS
#undef X
};

bool supported(const char* isa) {
#if defined(__x86_64__)
  if (!strcmp(isa, "avx512"))
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  if (!strcmp(isa, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#endif
  return true;
}

/// The best kernels this processor can run, or those named by CAMBIUM_ISA; null when that cannot be.
const Kernels* choose() {
  const char* wanted = getenv("CAMBIUM_ISA");
  for (const Kernels* kernels : known)
    if ((!wanted || !*wanted || !strcmp(wanted, kernels->isa)) && supported(kernels->isa)) return kernels;
  return nullptr;
}

struct Handle {
  std::unique_ptr<Step> step;
  std::vector<Slot> slots; ///< inputs, then outputs
  size_t inputs;
  std::vector<void*> bound;
  size_t missing; ///< slots without memory so far
  double* scalars;
  size_t bytes = 0;
};

napi_value fail(napi_env env, const char* code, const std::string& message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, code, message.c_str());
  return nullptr;
}

/// Runs f; what it throws becomes a JavaScript error.
template <class F>
napi_value guarded(napi_env env, const F& f) {
  try {
    return f();
  } catch (const BadProgram& e) {
    return fail(env, "program", e.what());
  } catch (const std::bad_alloc&) {
    return fail(env, "memory", "there is not enough memory");
  } catch (const std::exception& e) {
    return fail(env, "engine", e.what());
  }
}

struct Array {
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type = napi_uint8_array;
};

bool arrayOf(napi_env env, napi_value value, Array& array) {
  bool typed = false;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
  return napi_get_typedarray_info(env, value, &array.type, &array.length, &array.data, nullptr, nullptr) == napi_ok;
}

bool holds(const Array& array, DType dtype) {
  switch (dtype) {
    case DType::float32: return array.type == napi_float32_array;
    case DType::float64: return array.type == napi_float64_array;
    case DType::int32: return array.type == napi_int32_array;
    case DType::float16:
    case DType::bfloat16: return array.type == napi_uint16_array;
    case DType::int64: return array.type == napi_bigint64_array;
    case DType::int8: return array.type == napi_int8_array;
    default: return array.type == napi_uint8_array || array.type == napi_uint8_clamped_array;
  }
}

void finalize(node_api_basic_env env, void* data, void*) {
  Handle* handle = (Handle*)data;
  int64_t total;
  napi_adjust_external_memory(env, -(int64_t)handle->bytes, &total);
  delete handle;
}

napi_value prepare(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    size_t count = 3;
    napi_value args[3];
    napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
    Array words, numbers, scalars;
    if (count < 3 || !arrayOf(env, args[0], words) || !arrayOf(env, args[1], numbers) || !arrayOf(env, args[2], scalars) ||
        words.type != napi_int32_array || numbers.type != napi_float64_array || scalars.type != napi_float64_array)
      throw BadProgram("prepare takes an Int32Array and two Float64Arrays");
    const Kernels* kernels = choose();
    if (!kernels) throw BadProgram("the instruction set named by CAMBIUM_ISA is not there");
    Program program = decode((const int32_t*)words.data, words.length, (const double*)numbers.data, numbers.length);
    if ((size_t)program.scalars > scalars.length) throw BadProgram("there are fewer scalars than the program has");
    auto handle = std::make_unique<Handle>();
    handle->step = kernels->prepare(program);
    handle->slots = program.inputs;
    handle->slots.insert(handle->slots.end(), program.outputs.begin(), program.outputs.end());
    handle->inputs = program.inputs.size();
    handle->bound.assign(handle->slots.size() + 1, nullptr);
    handle->missing = handle->slots.size();
    handle->scalars = (double*)scalars.data;
    napi_value result;
    if (napi_create_external(env, handle.get(), finalize, nullptr, &result) != napi_ok) return fail(env, "engine", "no handle could be made");
    handle.release();
    return result;
  });
}

Handle* handleOf(napi_env env, napi_value value) {
  void* data = nullptr;
  return napi_get_value_external(env, value, &data) == napi_ok ? (Handle*)data : nullptr;
}

napi_value bind(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    size_t count = 3;
    napi_value args[3];
    napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
    Handle* handle = count == 3 ? handleOf(env, args[0]) : nullptr;
    int32_t slot = -1;
    Array array;
    if (!handle || napi_get_value_int32(env, args[1], &slot) != napi_ok || slot < 0 || (size_t)slot >= handle->slots.size() ||
        !arrayOf(env, args[2], array))
      throw BadProgram("bind takes a prepared program, the number of a slot and a typed array");
    const Slot& wanted = handle->slots[slot];
    const bool input = (size_t)slot < handle->inputs;
    const std::string name = (input ? "input " : "output ") + std::to_string(input ? slot : slot - (int)handle->inputs);
    if (!holds(array, wanted.dtype)) throw BadProgram(name + " has the wrong kind of typed array");
    if ((long)array.length < wanted.length)
      throw BadProgram(name + " holds " + std::to_string(array.length) + " numbers; " + std::to_string(wanted.length) + " are needed");
    static char nothing[64];
    void*& bound = handle->bound[slot];
    if (!bound) handle->missing--;
    bound = array.data ? array.data : nothing;
    return nullptr;
  });
}

napi_value run(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    size_t count = 1;
    napi_value arg;
    napi_get_cb_info(env, info, &count, &arg, nullptr, nullptr);
    Handle* handle = count == 1 ? handleOf(env, arg) : nullptr;
    if (!handle) throw BadProgram("run takes a prepared program");
    if (handle->missing) throw BadProgram("not all inputs and outputs have been given");
    if (!handle->bytes) {
      int64_t total;
      handle->bytes = handle->step->ready();
      napi_adjust_external_memory(env, (int64_t)handle->bytes, &total);
    }
    handle->step->run(handle->bound.data(), handle->bound.data() + handle->inputs, handle->scalars);
    return nullptr;
  });
}

napi_value info(napi_env env, napi_callback_info) {
  napi_value result, isa, list;
  const Kernels* kernels = choose();
  napi_create_object(env, &result);
  napi_create_string_utf8(env, kernels ? kernels->isa : "", NAPI_AUTO_LENGTH, &isa);
  napi_set_named_property(env, result, "isa", isa);
  napi_create_array(env, &list);
  uint32_t n = 0;
  for (const Kernels* k : known) {
    if (!supported(k->isa)) continue;
    napi_value name;
    napi_create_string_utf8(env, k->isa, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, list, n++, name);
  }
  napi_set_named_property(env, result, "known", list);
  return result;
}

napi_value misalignment(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arg, result;
  napi_get_cb_info(env, info, &count, &arg, nullptr, nullptr);
  Array array;
  if (count < 1 || !arrayOf(env, arg, array)) return fail(env, "engine", "misalignment takes a typed array");
  napi_create_uint32(env, (uint32_t)((size_t)array.data % 64), &result);
  return result;
}

/// The pool's threads outlive a worker_thread's environment: the library must never be unloaded under them.
void stay() {
  Dl_info self;
  if (dladdr((void*)&known, &self) && self.dli_fname) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

} // namespace
} // namespace cambium

NAPI_MODULE_INIT() {
  cambium::stay();
  const std::pair<const char*, napi_callback> functions[] = {
      {"prepare", cambium::prepare}, {"bind", cambium::bind}, {"run", cambium::run}, {"info", cambium::info}, {"misalignment", cambium::misalignment}};
  for (const auto& [name, callback] : functions) {
    napi_value f;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &f) != napi_ok || napi_set_named_property(env, exports, name, f) != napi_ok)
      return nullptr;
  }
  return exports;
}
