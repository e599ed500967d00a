#include "app/command_line.h"
#include "base/failpoint.h"

int main(int argc, char** argv) {
  const int status = bitacora::app::run(argc, argv);
#ifdef BITACORA_FAILPOINTS
  bitacora::write_failpoint_counts();
#endif
  return status;
}
