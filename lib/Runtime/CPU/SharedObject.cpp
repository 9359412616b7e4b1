// SPDX-License-Identifier: Apache-2.0
// Loads a shared object from memory.
#include "torshjit/Runtime/CPU/SharedObject.h"

#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/KernelABI.h"

#include <cstdlib>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace torsh::runtime {
namespace {
bool writeAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string loaderError() {
  const char *text = dlerror();
  return text ? text : "unknown error";
}

/// For kernels without memfd_create and for sandboxes that forbid it.
void *loadFromTemporaryFile(std::string_view bytes, std::string &error) {
  const char *folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/torshjit-XXXXXX";
  int descriptor = mkstemp(path.data());
  if (descriptor < 0) {
    error = "cannot create " + path;
    return nullptr;
  }
  void *handle = nullptr;
  if (!writeAll(descriptor, bytes))
    error = "cannot write " + path;
  else if (!(handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)))
    error = loaderError();
  ::close(descriptor);
  ::unlink(path.c_str());
  return handle;
}
} // namespace

SharedObject::SharedObject(std::string_view bytes) {
  std::string error;
#ifdef MFD_CLOEXEC
  descriptor = memfd_create("torshjit-kernels", MFD_CLOEXEC);
  if (descriptor >= 0 && writeAll(descriptor, bytes)) {
    std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      error = loaderError();
  }
  // The descriptor stays open while the library is loaded: the loader knows
  // libraries by path, and a reused number would give back this one.
  if (!handle && descriptor >= 0) {
    ::close(descriptor);
    descriptor = -1;
  }
#endif
  if (!handle)
    handle = loadFromTemporaryFile(bytes, error);
  if (!handle)
    throw Error(ErrorKind::Program, "cannot load the kernels: " + error);
}

SharedObject::~SharedObject() {
  dlclose(handle);
  if (descriptor >= 0)
    ::close(descriptor);
}

KernelHandle SharedObject::find(const std::string &kernel) const {
  void *address = dlsym(handle, (TORSH_KERNEL_PREFIX + kernel).c_str());
  if (!address)
    throw Error(ErrorKind::Program, "the shared object has no kernel \"" + kernel + "\"");
  return reinterpret_cast<KernelHandle>(address);
}

void *SharedObject::findSymbol(const std::string &name) const {
  void *address = dlsym(handle, name.c_str());
  if (!address)
    throw Error(ErrorKind::Program, "the shared object has no function \"" + name + "\"");
  return address;
}

} // namespace torsh::runtime
