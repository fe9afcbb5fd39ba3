# SPDX-License-Identifier: Apache-2.0
# ov6_bpf_object(NAME): compiles bpf/NAME.bpf.c to <build>/bpf/NAME.bpf.o and makes
# its skeleton <build>/skeleton/NAME.skel.h; the target is bpf_NAME.
# ov6_bpf_skeleton(NAME SOURCE): the same of a program that is no part of the datapath.
# ov6_bpf_object_for_ip(NAME): the same program in <build>/bpf/iproute2/NAME.bpf.o, with maps that ip(8) and tc(8)
# share; the target is bpf_iproute2_NAME.
# ov6_bpf_objects_by(TARGET CLANG FOLDER): all that ov6_bpf_object made, compiled by another CLANG into FOLDER.
find_program(OV6_BPF_CLANG NAMES clang-14 clang REQUIRED)
find_program(OV6_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)
find_program(OV6_LLVM_STRIP NAMES llvm-strip-14 llvm-strip REQUIRED)

set(OV6_BPF_DIR ${CMAKE_BINARY_DIR}/bpf)
set(OV6_SKELETON_DIR ${CMAKE_BINARY_DIR}/skeleton)
file(MAKE_DIRECTORY ${OV6_BPF_DIR}/iproute2 ${OV6_SKELETON_DIR})

# ov6_bpf_compile(SOURCE OBJECT FLAGS...)
function(ov6_bpf_compile source object)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${OV6_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter
            -I${CMAKE_SOURCE_DIR}/include -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} ${ARGN}
            -MD -MF ${object}.d -c ${source} -o ${object}
    COMMAND ${OV6_LLVM_STRIP} -g ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "BPF ${object} ${ARGN}"
    VERBATIM)
endfunction()

function(ov6_bpf_object_for_ip name)
  set(object ${OV6_BPF_DIR}/iproute2/${name}.bpf.o)
  ov6_bpf_compile(${CMAKE_SOURCE_DIR}/bpf/${name}.bpf.c ${object} -DOV6_PINNING=LIBBPF_PIN_BY_NAME)
  add_custom_target(bpf_iproute2_${name} ALL DEPENDS ${object})
endfunction()

function(ov6_bpf_objects_by target clang folder)
  set(OV6_BPF_CLANG ${clang})
  get_property(names GLOBAL PROPERTY OV6_BPF_OBJECTS)
  list(TRANSFORM names REPLACE "(.+)" "${folder}/\\1.bpf.o" OUTPUT_VARIABLE objects)
  file(MAKE_DIRECTORY ${folder})
  foreach(name object IN ZIP_LISTS names objects)
    ov6_bpf_compile(${CMAKE_SOURCE_DIR}/bpf/${name}.bpf.c ${object})
  endforeach()
  add_custom_target(${target} ALL DEPENDS ${objects})
endfunction()

function(ov6_bpf_object name)
  set_property(GLOBAL APPEND PROPERTY OV6_BPF_OBJECTS ${name})
  ov6_bpf_skeleton(${name} ${CMAKE_SOURCE_DIR}/bpf/${name}.bpf.c)
endfunction()

function(ov6_bpf_skeleton name source)
  set(object ${OV6_BPF_DIR}/${name}.bpf.o)
  set(skeleton ${OV6_SKELETON_DIR}/${name}.skel.h)
  ov6_bpf_compile(${source} ${object})
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4.new\" && mv \"$4.new\" \"$4\"" --
            ${OV6_BPFTOOL} ${object} ${name} ${skeleton}
    DEPENDS ${object}
    VERBATIM)
  add_custom_target(bpf_${name} ALL DEPENDS ${object} ${skeleton})
endfunction()
