// `--name value` pairs; whoever writes a wrong one is told which there are.
#include "tests/bench/load/options.hpp"

#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>

namespace pulsegate::bench {
namespace {

using Setter = std::function<void(Options&, const std::string&)>;

template <typename T>
Setter number(T Options::*member, double least, double most) {
  return [=](Options& options, const std::string& text) {
    std::size_t read = 0;
    const double value = std::stod(text, &read);
    if (read != text.size() || !(value >= least && value <= most)) throw std::out_of_range(text);
    options.*member = static_cast<T>(value);
  };
}

template <typename T>
Setter word(T Options::*member, std::map<std::string, T> words) {
  return [=](Options& options, const std::string& text) { options.*member = words.at(text); };
}

Setter text(std::string Options::*member) {
  return [=](Options& options, const std::string& value) { options.*member = value; };
}

const std::map<std::string, Setter>& setters() {
  // Everything is bounded: the generator must never be able to run away.
  static const std::map<std::string, Setter> table = {
      {"--port", number(&Options::port, 1, 65535)},
      {"--publish-port", number(&Options::publish_port, 1, 65535)},
      {"--form", word<PublishForm>(&Options::form, {{"redis", PublishForm::redis}, {"message", PublishForm::message}})},
      {"--ready",
       word<Ready>(&Options::ready, {{"open", Ready::open}, {"subscribed", Ready::subscribed}, {"pong", Ready::pong}})},
      {"--clients", number(&Options::clients, 1, 25'000)},
      {"--devices", number(&Options::devices, 1, 25'000)},
      {"--connecting", number(&Options::connecting, 1, 5'000)},
      {"--publishers", number(&Options::publishers, 1, 16)},
      {"--channel", text(&Options::channel)},
      {"--await", text(&Options::await)},
      {"--compress", word<bool>(&Options::compress, {{"yes", true}, {"no", false}})},
      {"--rate", number(&Options::rate, 0, 1e6)},
      {"--flat-out", word<bool>(&Options::flat_out, {{"yes", true}, {"no", false}})},
      {"--burst", number(&Options::burst, 1, 100'000)},
      {"--warm-up", number(&Options::warm_up, 0, 60)},
      {"--seconds", number(&Options::seconds, 0, 900)},
      {"--drain", number(&Options::drain, 0, 60)},
      {"--churn", number(&Options::churn, 0, 2'000)},
      {"--report-every", number(&Options::report_every, 0, 600)},
      {"--deadline", number(&Options::deadline, 1, 300)},
      {"--cpu", number(&Options::cpu, -1, 1023)},
      {"--server-pid",
       [](Options& options, const std::string& value) { options.server_pids.push_back(std::stoi(value)); }},
  };
  return table;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const auto found = setters().find(name);
    if (found == setters().end() || i + 1 == argc) {
      std::ostringstream message;
      message << (found == setters().end() ? "there is no option " : "a value is missing after ") << name
              << "; the options are:";
      for (const auto& entry : setters()) message << ' ' << entry.first;
      throw std::invalid_argument(message.str());
    }
    try {
      found->second(options, argv[i + 1]);
    } catch (const std::exception&) {
      throw std::invalid_argument(name + ": " + argv[i + 1] + " is no possible value");
    }
  }
  if (options.port == 0) throw std::invalid_argument("--port is needed: where does the server listen?");
  if ((options.rate > 0 || options.flat_out) && options.publish_port == 0)
    throw std::invalid_argument("--publish-port is needed: where are the events published?");
  if (options.devices > options.clients) throw std::invalid_argument("--devices must not exceed --clients");
  return options;
}

}  // namespace pulsegate::bench
