# BITACORA_BREAK: a build with one defect, on purpose. The rigs of scripts/proof.sh must find it, or they prove nothing. Such a
# build says so at every start (`bitacora serve`) and cannot be installed or packaged.
#
# bitacora_break(<defect> <sources>): defines BITACORA_BREAK_<DEFECT> for these sources where that defect was asked for; the
# rest of the tree compiles as ever, and out of the same cache.
set(BITACORA_DEFECTS ack-before-sync no-directory-sync truncate-at-first-bad sqlite-normal)
if(BITACORA_BREAK AND NOT BITACORA_BREAK IN_LIST BITACORA_DEFECTS)
  message(FATAL_ERROR "BITACORA_BREAK=${BITACORA_BREAK}: there are ${BITACORA_DEFECTS}")
endif()

function(bitacora_break defect)
  if(NOT BITACORA_BREAK STREQUAL defect)
    return()
  endif()
  string(REPLACE "-" "_" name "${defect}")
  string(TOUPPER "${name}" name)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_DEFINITIONS "BITACORA_BREAK_${name}")
endfunction()

if(BITACORA_BREAK OR BITACORA_FAILPOINTS)
  install(CODE "message(FATAL_ERROR \"a build with BITACORA_BREAK or BITACORA_FAILPOINTS is for scripts/proof.sh and is not installed\")")
endif()
