// The subcommands. Each `add_x` declares one with its options on `app`; when it is the one that was asked for, it runs
// and sets `status` to the exit status.
#pragma once

namespace CLI {
class App;
}

namespace bitacora::app {

void add_serve(CLI::App& app, int& status);
void add_logs(CLI::App& app, int& status);
void add_groups(CLI::App& app, int& status);
void add_dump(CLI::App& app, int& status);
void add_verify(CLI::App& app, int& status);
void add_replay(CLI::App& app, int& status);
void add_config_check(CLI::App& app, int& status);
void add_import_mosquitto(CLI::App& app, int& status);
void add_users(CLI::App& app, int& status);
void add_torture(CLI::App& app, int& status);

}  // namespace bitacora::app
