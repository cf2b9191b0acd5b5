// The option table as flags of CLI11, which splits the command line and prints --help; values stay text, since CLI11
// stops at the first one that it does not like.
#pragma once

#include <string>
#include <vector>

#include "gateway/commands/options.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace pulsegate::commands {

// Adds --config and every option to `app`; parsing then fills `line`, which must outlive `app`. `app` accepts arguments
// that it does not know: ask unknown_arguments() afterwards.
// `group` not empty: only the options of that heading, and --max-bus-payload; the others count all the same where the
// environment or the file names them.
void add_options(CLI::App& app, CommandLine& line, const std::string& group = {});

// One sentence per argument that `app`, or a subcommand of it, did not know; with a suggestion where an option of
// `serve` is near. Shows names of flags only.
std::vector<std::string> unknown_arguments(const CLI::App& app);

}  // namespace pulsegate::commands
