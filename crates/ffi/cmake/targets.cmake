# What projects link with: parapolicy::parapolicy, the shared library; or parapolicy::static, and what it takes of the system.
function(parapolicy_targets shared static include)
  add_library(parapolicy_shared SHARED IMPORTED GLOBAL)
  # Cargo writes no soname: a path would be kept in its place.
  set_target_properties(parapolicy_shared PROPERTIES
    IMPORTED_LOCATION "${shared}" IMPORTED_NO_SONAME TRUE INTERFACE_INCLUDE_DIRECTORIES "${include}")
  add_library(parapolicy_static STATIC IMPORTED GLOBAL)
  set_target_properties(parapolicy_static PROPERTIES
    IMPORTED_LOCATION "${static}" INTERFACE_INCLUDE_DIRECTORIES "${include}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
  add_library(parapolicy::parapolicy ALIAS parapolicy_shared)
  add_library(parapolicy::static ALIAS parapolicy_static)
endfunction()
