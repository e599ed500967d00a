// bitacora users add|passwd|delete|list --file FILE
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>

#include "access_files.h"
#include "app/command_line.h"
#include "commands.h"
#include "identity/password_hash.h"
#include "identity/scram.h"

namespace bitacora::app {
namespace {

using Done = Result<void, std::string>;
using Wrong = tl::unexpected<std::string>;

struct UsersArguments {
  std::string file;
  std::string name;
  bool scram = false;
};

Bytes fresh_salt() {
  Bytes salt(identity::salt_size);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size())) != 1) {
    throw std::runtime_error("the system gives no random bytes");
  }
  return salt;
}

// Keeps the terminal from showing what is typed.
class SilentTerminal {
 public:
  SilentTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

Result<std::string, std::string> read_line(const char* prompt) {
  if (::isatty(STDIN_FILENO) != 0) fmt::print(stderr, "{}", prompt);
  std::string line;
  if (!std::getline(std::cin, line)) return Wrong("no password came on standard input");
  if (::isatty(STDIN_FILENO) != 0) fmt::print(stderr, "\n");
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// Never from the command line, where every user of the machine could read it: typed twice, or a line of standard input.
Result<std::string, std::string> ask_password() {
  const bool typed = ::isatty(STDIN_FILENO) != 0;
  const SilentTerminal silent;
  auto password = read_line("Password: ");
  if (!password) return password;
  if (password->empty()) return Wrong("an empty password is none");
  if (password->size() > identity::max_password_size) return Wrong("the password is over 4096 bytes");
  if (!typed) return password;
  const auto again = read_line("Once more: ");
  if (!again || *again != *password) return Wrong("the two are not the same; nothing was changed");
  return password;
}

// Whole or not at all, and for nobody but its owner.
Done replace_file(const std::string& path, const std::string& text) {
  const std::string unfinished = path + ".new";
  const auto failed = [&] { return Wrong(fmt::format("{} cannot be written: {}", unfinished, std::strerror(errno))); };
  struct stat existing {};
  const bool exists = ::stat(path.c_str(), &existing) == 0;
  const int file = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return failed();
  if (exists) {  // a server that runs as another user goes on reading it
    if (::fchown(file, existing.st_uid, existing.st_gid) != 0 && errno != EPERM) return ::close(file), failed();
    if (::fchmod(file, existing.st_mode & 0660) != 0) return ::close(file), failed();
  }
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(file, text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ::close(file), failed();
    at += static_cast<std::size_t>(written);
  }
  const bool synced = ::fsync(file) == 0;
  if (::close(file) != 0 || !synced) return failed();
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) return failed();
  return {};
}

struct Users {
  std::string text;
  std::vector<identity::User> all;
  [[nodiscard]] const identity::User* find(const std::string& name) const {
    for (const auto& user : all) {
      if (user.name == name) return &user;
    }
    return nullptr;
  }
};

enum class Missing : std::uint8_t { is_a_mistake, is_empty };

Result<Users, std::string> load(const std::string& file, Missing missing) {
  Users users;
  if (missing == Missing::is_empty && ::access(file.c_str(), F_OK) != 0) return users;
  auto text = read_file(file);
  if (!text) return Wrong(text.error());
  auto parsed = identity::parse_password_file(*text);
  if (!parsed) {
    std::string mistakes;
    for (const auto& mistake : parsed.error())
      mistakes += fmt::format("{}:{}: {}\n", file, mistake.line, mistake.message);
    return Wrong(mistakes + "mend these lines first; nothing was changed");
  }
  users.text = std::move(*text);
  users.all = std::move(*parsed);
  return users;
}

enum class Change : std::uint8_t { add, passwd };

Done set_password(const UsersArguments& arguments, Change change) {
  auto users = load(arguments.file, change == Change::add ? Missing::is_empty : Missing::is_a_mistake);
  if (!users) return Wrong(users.error());
  const identity::User* known = users->find(arguments.name);
  if (change == Change::add && known != nullptr) {
    return Wrong(fmt::format("{} has a user \"{}\" already; `users passwd` gives another password", arguments.file,
                             arguments.name));
  }
  if (change == Change::passwd && known == nullptr) {
    return Wrong(fmt::format("{} has no user \"{}\"; `users add` makes one", arguments.file, arguments.name));
  }
  if (change == Change::add) {
    if (const auto mistake = identity::mistake_in_user_name(arguments.name)) return Wrong(*mistake);
  }
  const auto password = ask_password();
  if (!password) return Wrong(password.error());
  identity::User user{arguments.name, identity::hash_password(*password, fresh_salt()), {}};
  if (arguments.scram || (known != nullptr && !known->scram.empty())) {
    user.scram = identity::format_scram_verifier(
        identity::make_scram_verifier(*password, fresh_salt(), identity::scram_iterations));
  }
  return replace_file(arguments.file, identity::with_user(users->text, user));
}

Done remove_user(const UsersArguments& arguments) {
  const auto users = load(arguments.file, Missing::is_a_mistake);
  if (!users) return Wrong(users.error());
  const auto text = identity::without_user(users->text, arguments.name);
  if (!text) return Wrong(fmt::format("{} has no user \"{}\"", arguments.file, arguments.name));
  return replace_file(arguments.file, *text);
}

Done list_users(const UsersArguments& arguments) {
  const auto users = load(arguments.file, Missing::is_a_mistake);
  if (!users) return Wrong(users.error());
  for (const identity::User& user : users->all) {
    fmt::print("{}{}\n", user.name, user.scram.empty() ? "" : "\tSCRAM-SHA-256");
  }
  return {};
}

constexpr std::string_view what_next = "A running server takes it over at SIGHUP.";

int tell(const Done& done, std::string_view success) {
  if (!done) {
    fmt::print(stderr, "{}\n", done.error());
    return exit_failed;
  }
  if (!success.empty()) fmt::print("{}\n", success);
  return exit_ok;
}

}  // namespace

void add_users(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<UsersArguments>();
  auto* users = app.add_subcommand("users", "Change the file of users ([auth] password_file)");
  users->require_subcommand(1);
  const auto command = [&](const char* name, const char* what) {
    auto* made = users->add_subcommand(name, what);
    made->add_option("--file", arguments->file, "The password file")->required();
    if (std::string_view(name) != "list") made->add_option("name", arguments->name, "The user")->required();
    return made;
  };
  auto* add = command("add", "Add a user; the password is asked for, or is a line of standard input");
  add->add_flag("--scram", arguments->scram, "Also for logins with SCRAM-SHA-256 (MQTT 5.0 enhanced authentication)");
  add->callback([=, &status] { status = tell(set_password(*arguments, Change::add), what_next); });
  auto* passwd = command("passwd", "Give a user another password");
  passwd->add_flag("--scram", arguments->scram, "From now on also for logins with SCRAM-SHA-256");
  passwd->callback([=, &status] { status = tell(set_password(*arguments, Change::passwd), what_next); });
  command("delete", "Remove a user")->callback([=, &status] { status = tell(remove_user(*arguments), what_next); });
  command("list", "Name the users")->callback([=, &status] { status = tell(list_users(*arguments), {}); });
}

}  // namespace bitacora::app
