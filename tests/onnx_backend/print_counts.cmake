# Prints the file that is named last on the command line, if it is there.
math(EXPR last "${CMAKE_ARGC} - 1")
set(counts ${CMAKE_ARGV${last}})
if(EXISTS ${counts})
  file(READ ${counts} text)
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "ONNX backend tests:\n${text}")
endif()
