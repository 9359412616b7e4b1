# SPDX-License-Identifier: Apache-2.0

# torsh_library(Name SOURCES a.cpp ... [TABLEGEN targets] [LINKS libraries])
# A static library of the compiler. MLIR and LLVM themselves are linked once, as
# shared libraries, by the executables and the extension module: naming a static
# MLIR library anywhere would link a second copy of it.
function(torsh_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TABLEGEN;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE -fno-exceptions -Wall -Wextra -Wno-unused-parameter)
  target_link_libraries(${name} PUBLIC ${ARG_LINKS})
  add_dependencies(${name} TorshIncGen ${ARG_TABLEGEN})
endfunction()

# torsh_tool(name SOURCES a.cpp ... LINKS libraries)
function(torsh_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE -fno-exceptions -Wall -Wextra -Wno-unused-parameter)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} MLIR LLVM)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  install(TARGETS ${name} DESTINATION bin COMPONENT tools)
endfunction()
