#include "app/command_line.h"

int main(int argc, char** argv) { return bitacora::app::run(argc, argv); }
