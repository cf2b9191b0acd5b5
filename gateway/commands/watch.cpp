// `pulsegate watch`: a terminal client over websocketpp, whose templates are compiled in this file only (for clients).
// How messages look is watch_view's business, when to come back reconnect's.
#include <unistd.h>

#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>

#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/commands/printable.hpp"
#include "gateway/commands/reconnect.hpp"
#include "gateway/commands/resume_point.hpp"
#include "gateway/commands/watch_view.hpp"
#include "proto/server_message.hpp"

namespace pulsegate::commands {
namespace {

using Client = websocketpp::client<websocketpp::config::asio_client>;
using Handle = websocketpp::connection_hdl;
using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kMaxMessage = 16 * 1024 * 1024;
constexpr auto kSilence = 60s;  // the gateway pings every 25 s by default
constexpr auto kCloseWait = 1s;

// What is neither an ack nor a notice: what the user asked for, and what --count counts.
bool is_channel_message(const std::string& type) {
  constexpr std::string_view kNotices[] = {"connected", "subscribed", "unsubscribed", "pong",         "status",
                                           "gap",       "error",      "reconnect",    "replay-begin", "replay-end"};
  return std::find(std::begin(kNotices), std::end(kNotices), type) == std::end(kNotices);
}

// Thread: main, which runs the loop. Owner: run_watch().
class Watch {
 public:
  explicit Watch(const WatchOptions& options)
      : options_(options),
        view_(::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr) {
  }  // NOLINT(concurrency-mt-unsafe): nobody sets one

  int run() {
    client_.clear_access_channels(websocketpp::log::alevel::all);
    client_.clear_error_channels(websocketpp::log::elevel::all);
    client_.set_max_message_size(kMaxMessage);
    client_.init_asio(&io_);
    client_.set_open_handler([this](const Handle& handle) { on_open(handle); });
    client_.set_message_handler(
        [this](const Handle&, const Client::message_ptr& message) { on_message(message->get_payload()); });
    client_.set_ping_handler([this](const Handle&, const std::string&) {
      last_heard_ = SteadyClock::now();
      return true;
    });
    client_.set_close_handler([this](const Handle& handle) { on_end(handle); });
    client_.set_fail_handler([this](const Handle& handle) { on_end(handle); });
    signals_.async_wait([this](const asio::error_code& error, int) {
      if (!error) stop(kExitClean);
    });
    connect();
    io_.run();
    return exit_code_;
  }

 private:
  void connect() {
    websocketpp::lib::error_code error;
    const Client::connection_ptr connection = client_.get_connection(options_.url, error);
    if (error) {
      say("the URL cannot be used: " + error.message());
      return stop(kExitConfiguration);
    }
    if (!options_.token.empty()) connection->append_header("Authorization", "Bearer " + options_.token);
    connection->append_header("User-Agent", "pulsegate watch");
    hint_ = Millis(0);
    client_.connect(connection);
  }

  void on_open(const Handle& handle) {
    handle_ = handle;
    open_ = opened_once_ = true;
    last_heard_ = SteadyClock::now();
    subscribe();
    if (!options_.replay.from.empty() && !std::exchange(replay_asked_, true)) replay();
    watch_silence();
  }

  // After what was seen last, so that nothing is missed while it was away.
  void subscribe() {
    websocketpp::lib::error_code ignored;  // the close handler says what went wrong
    client_.send(handle_, resume_point_.subscribe(options_.channels), websocketpp::frame::opcode::text, ignored);
  }

  // Once: what a connection that was lost has not shown is asked for by hand.
  void replay() {
    websocketpp::lib::error_code ignored;
    client_.send(handle_, replay_command(options_.replay, options_.channels), websocketpp::frame::opcode::text,
                 ignored);
  }

  void on_message(const std::string& text) {
    last_heard_ = SteadyClock::now();
    failures_ = 0;
    if (done_) return;
    const auto message = proto::parse_server_message(text);
    if (!message) return say("a message could not be read");
    if (message->type == "reconnect") read_hint(*message);
    if (!resume_point_.saw(*message)) subscribe();
    if (options_.json)
      std::printf("%s\n", text.c_str());  // the gateway's messages are single lines
    else
      std::fputs(view_.render(*message).c_str(), stdout);
    std::fflush(stdout);
    if (is_channel_message(message->type) && ++received_ == options_.count) stop(kExitClean);
  }

  void read_hint(const proto::ServerMessage& message) {
    for (const auto& [key, value] : message.fields)
      if (key == "after_ms") hint_ = Millis(static_cast<std::int64_t>(read_count(value).value_or(0) % 3'600'000));
  }

  // For a close as well as for a handshake that failed.
  void on_end(const Handle& handle) {
    open_ = false;
    timer_.cancel();
    if (done_) return finish();
    websocketpp::lib::error_code error;
    const Client::connection_ptr connection = client_.get_con_from_hdl(handle, error);
    Ended ended;
    if (connection) {
      ended.close_code = connection->get_remote_close_code();
      if (ended.close_code < 1000 || ended.close_code == 1005) ended.close_code = 1006;
      const int status = static_cast<int>(connection->get_response_code());
      if (status >= 300) ended.http_status = status;
    }
    ended.hint = hint_;
    ended.failures = failures_++;
    ended.random = std::uniform_real_distribution<>(0, 1)(random_);
    Plan plan = plan_reconnect(ended);
    if (!opened_once_ && ended.http_status == 0) plan.reason = "cannot connect: " + connection->get_ec().message();
    // Who was never let in is more likely to have mistyped the address than to be early.
    if (!plan.reconnect || !opened_once_) {
      say(plan.reason);
      return stop(ended.close_code == 1000 ? kExitClean : kExitFailure);
    }
    say(plan.reason + "; again in " + show_duration(plan.after));
    timer_.expires_after(plan.after);
    timer_.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled && !done_) connect();
    });
  }

  // A laptop that slept has a connection that nobody ends.
  void watch_silence() {
    timer_.expires_after(5s);
    timer_.async_wait([this](const asio::error_code& cancelled) {
      if (cancelled || !open_) return;
      if (SteadyClock::now() - last_heard_ < kSilence) return watch_silence();
      websocketpp::lib::error_code ignored;
      client_.close(handle_, websocketpp::close::status::going_away, "silent", ignored);
    });
  }

  void stop(int exit_code) {
    if (done_) return;
    done_ = true;
    exit_code_ = exit_code;
    signals_.cancel();
    timer_.cancel();
    if (!open_) return finish();
    websocketpp::lib::error_code ignored;
    client_.close(handle_, websocketpp::close::status::normal, "", ignored);
    timer_.expires_after(kCloseWait);
    timer_.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled) finish();
    });
  }

  void finish() { io_.stop(); }

  static void say(const std::string& sentence) {
    std::fprintf(stderr, "pulsegate watch: %s\n", printable(sentence).c_str());
  }

  const WatchOptions& options_;
  const WatchView view_;
  ResumePoint resume_point_;
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  asio::steady_timer timer_{io_};
  Client client_;  // after the loop that it uses
  Handle handle_;
  std::minstd_rand random_{std::random_device{}()};
  SteadyClock::time_point last_heard_{};
  Millis hint_{0};
  std::uint64_t received_ = 0;
  unsigned failures_ = 0;
  int exit_code_ = kExitFailure;
  bool open_ = false;
  bool opened_once_ = false;
  bool done_ = false;
  bool replay_asked_ = false;
};

}  // namespace

int run_watch(const WatchOptions& options) {
  if (options.url.compare(0, 5, "ws://") != 0) {
    std::fprintf(stderr,
                 "pulsegate watch: the URL must be that of a device's WebSocket, for instance "
                 "ws://127.0.0.1:8080/api/v1/devices/3f1e6b7a-0000-4000-8000-000000000001/ws\n");
    return kExitConfiguration;
  }
  try {
    return Watch(options).run();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "pulsegate watch: %s\n", fault.what());
    return kExitFailure;
  }
}

}  // namespace pulsegate::commands
