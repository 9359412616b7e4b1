// SPDX-License-Identifier: Apache-2.0
// SPIR-V to Metal's language, by the C interface of SPIRV-Cross.

#include "torshjit/Target/Metal/CodeGen/CodeGen.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/DynamicLibrary.h"
#include <spirv_cross/spirv_cross_c.h>

using namespace mlir;
using namespace mlir::torsh;

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {

/// The functions of the library that are used.
struct SPIRVCross {
  decltype(&spvc_context_create) contextCreate = nullptr;
  decltype(&spvc_context_destroy) contextDestroy = nullptr;
  decltype(&spvc_context_get_last_error_string) lastError = nullptr;
  decltype(&spvc_context_parse_spirv) parse = nullptr;
  decltype(&spvc_context_create_compiler) createCompiler = nullptr;
  decltype(&spvc_compiler_create_compiler_options) createOptions = nullptr;
  decltype(&spvc_compiler_options_set_uint) setNumber = nullptr;
  decltype(&spvc_compiler_options_set_bool) setFlag = nullptr;
  decltype(&spvc_compiler_install_compiler_options) installOptions = nullptr;
  decltype(&spvc_compiler_compile) compile = nullptr;

  /// The library, opened once, or what is missing.
  static llvm::Expected<const SPIRVCross &> get() {
    static const std::pair<SPIRVCross, std::string> opened = open();
    if (!opened.second.empty())
      return fail(opened.second);
    return opened.first;
  }

private:
  static std::pair<SPIRVCross, std::string> open() {
    SPIRVCross library;
    llvm::sys::DynamicLibrary file;
    for (const char *name : {"libspirv-cross-c-shared.so.0", "libspirv-cross-c-shared.so",
                             "libspirv-cross-c-shared.0.dylib", "libspirv-cross-c-shared.dylib"})
      if (file = llvm::sys::DynamicLibrary::getPermanentLibrary(name); file.isValid())
        break;
    if (!file.isValid())
      return {library, "MSL is written by SPIRV-Cross, and its library libspirv-cross-c-shared "
                       "is not here (Debian: libspirv-cross-c-shared0; Homebrew: spirv-cross)"};
    bool complete = true;
    auto find = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(file.getAddressOfSymbol(name));
      complete &= function != nullptr;
    };
    find(library.contextCreate, "spvc_context_create");
    find(library.contextDestroy, "spvc_context_destroy");
    find(library.lastError, "spvc_context_get_last_error_string");
    find(library.parse, "spvc_context_parse_spirv");
    find(library.createCompiler, "spvc_context_create_compiler");
    find(library.createOptions, "spvc_compiler_create_compiler_options");
    find(library.setNumber, "spvc_compiler_options_set_uint");
    find(library.setFlag, "spvc_compiler_options_set_bool");
    find(library.installOptions, "spvc_compiler_install_compiler_options");
    find(library.compile, "spvc_compiler_compile");
    return {library, complete ? "" : "the library libspirv-cross-c-shared is too old for MSL"};
  }
};

} // namespace

llvm::Expected<std::string> metal::translateToMSL(const Shader &shader) {
  llvm::Expected<const SPIRVCross &> library = SPIRVCross::get();
  if (!library)
    return library.takeError();
  const SPIRVCross &cross = *library;
  spvc_context context = nullptr;
  if (!cross.contextCreate || cross.contextCreate(&context) != SPVC_SUCCESS)
    return fail("SPIRV-Cross does not start");
  // All that is made below belongs to the context.
  llvm::scope_exit release([&] { cross.contextDestroy(context); });

  spvc_parsed_ir ir = nullptr;
  spvc_compiler compiler = nullptr;
  spvc_compiler_options options = nullptr;
  const char *text = nullptr;
  auto succeeds = [](spvc_result result) { return result == SPVC_SUCCESS; };
  if (succeeds(cross.parse(context, shader.words.data(), shader.words.size(), &ir)) &&
      succeeds(cross.createCompiler(context, SPVC_BACKEND_MSL, ir, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
                                    &compiler)) &&
      succeeds(cross.createOptions(compiler, &options)) &&
      succeeds(cross.setNumber(options, SPVC_COMPILER_OPTION_MSL_VERSION,
                               SPVC_MAKE_MSL_VERSION(2, 3, 0))) &&
      succeeds(cross.setFlag(options, SPVC_COMPILER_OPTION_MSL_FORCE_NATIVE_ARRAYS, SPVC_TRUE)) &&
      // Buffers keep the numbers that the bundle says.
      succeeds(
          cross.setFlag(options, SPVC_COMPILER_OPTION_MSL_ENABLE_DECORATION_BINDING, SPVC_TRUE)) &&
      succeeds(cross.installOptions(compiler, options)) && succeeds(cross.compile(compiler, &text)))
    return std::string(text);
  return fail("kernel '" + shader.entry +
              "' cannot be written as MSL: " + cross.lastError(context));
}
