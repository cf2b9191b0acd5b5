// Attacks on the real binary: each is refused in its way, memory stays flat, the CPU is idle again, and somebody else's
// connection never notices. Guards at the level of the endpoint have their cases in integration/ws.
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <functional>

#include "stack.hpp"
#include "tests/support/run_results.hpp"
#include "tests/support/ws_deflate.hpp"

using namespace pulsegate::test;

namespace {

constexpr std::size_t kMostGrowth = 5 * 1024;  // KiB of resident memory
constexpr int kRounds = 20;                    // each attack is made this often, after as many for a warm-up
constexpr Millis kQuiet{500};                  // in so long an idle gateway uses next to no time

// Sanitizers keep what was freed, and take their time.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasure = false;
#else
constexpr bool kMeasure = true;
#endif

// CPU time of a process so far.
Millis cpu_time(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.erase(0, text.rfind(')') + 2);
  long long ticks = 0;
  std::size_t at = 0;
  for (int field = 3; field <= 15; ++field) {
    const std::size_t end = text.find(' ', at);
    if (field >= 14) ticks += std::stoll(text.substr(at, end - at));  // utime, stime
    at = end + 1;
  }
  return Millis(ticks * 1000 / sysconf(_SC_CLK_TCK));
}

std::string declared(std::uint8_t first, std::uint64_t size) {
  std::string header{static_cast<char>(first), '\xff'};
  for (int shift = 56; shift >= 0; shift -= 8) header.push_back(static_cast<char>((size >> shift) & 0xff));
  return header.append(4, '\0');
}

// Sends until the gateway has had enough or `most` bytes have gone.
void pour(WsClient& client, const std::string& piece, std::size_t most) {
  for (std::size_t sent = 0; sent < most && client.send_raw(piece); sent += piece.size()) {
  }
}

struct Attack {
  const char* name;
  std::function<void(Stack&)> make;
};

void expect_code(WsClient& client, std::uint16_t code) {
  BOOST_TEST(client.expect_close().code == code);
}

std::string status_line(Stack& stack, const std::string& request) {
  TcpSocket socket("127.0.0.1", stack.gateway().port());
  socket.write(request);
  std::string answer;
  socket.read_until(answer, "\r\n");
  return answer.substr(0, answer.find("\r\n"));
}

std::vector<Attack> attacks() {
  return {
      {"a continuation of 2^64-1 bytes",
       [](Stack& stack) {
         WsClient client = stack.open(new_device());
         client.send_fragment(Opcode::text, "ten bytes.", false);
         client.send_raw(declared(0x80, ~std::uint64_t{0}));
         pour(client, std::string(4096, '\0'), 8 * 1024 * 1024);
         expect_code(client, 1009);
       }},
      {"declared lengths of 64 exabytes that never come",
       [](Stack& stack) {
         WsClient client = stack.open(new_device());
         client.send_raw(declared(0x81, std::uint64_t{1} << 62));
         expect_code(client, 1009);
       }},
      {"headers that reserve the longest message, and no payload",
       [](Stack& stack) {
         std::vector<WsClient> clients;
         for (int i = 0; i < 20; ++i) {
           clients.push_back(stack.open(new_device()));
           clients.back().send_raw(std::string("\x81\xfe\x40\x00\x00\x00\x00\x00", 8));
         }
       }},
      {"a decompression bomb",
       [](Stack& stack) {
         WsOptions options;
         options.extensions = "permessage-deflate";
         WsClient client = stack.open(new_device(), options);
         BOOST_REQUIRE(!client.extensions().empty());
         client.send_compressed(std::string(8 * 1024 * 1024, ' '));
         expect_code(client, 1009);
       }},
      {"an HTTP body of 32 MB before any refusal",
       [](Stack& stack) {
         BOOST_TEST(status_line(stack, "POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 32000000\r\n\r\n") ==
                    "HTTP/1.1 413 Request Entity Too Large");
       }},
      {"request headers without end",
       [](Stack& stack) {
         BOOST_TEST(status_line(stack, "GET /ws HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'x')) ==
                    "HTTP/1.1 431 Request Header Fields Too Large");
       }},
      {"an older version of the protocol",
       [](Stack& stack) {
         BOOST_TEST(status_line(stack, "GET /api/v1/devices/" + new_device() +
                                           "/ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
                                           "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n"
                                           "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U") ==
                    "HTTP/1.1 426 Upgrade Required");
       }},
      {"a thousand pings by a peer that does not read",
       [](Stack& stack) {
         WsOptions slow;
         slow.tcp.receive_buffer = 4096;
         WsClient client = stack.open(new_device(), slow);
         std::string pings;
         for (int i = 0; i < 1000; ++i) pings += encode_frame({true, 0, Opcode::ping, true, std::string(125, 'p')});
         pour(client, pings, pings.size());
         client.drop(true);
       }},
      {"JSON that is nested a thousand deep",
       [](Stack& stack) {
         WsClient client = stack.open(new_device());
         client.send_unchecked(std::string(8000, '[') + std::string(8000, ']'));
         BOOST_TEST(client.expect("error").at("data").at("code").string() == "too-deep");
       }},
      {"a number that overruns RapidJSON",
       [](Stack& stack) {
         WsClient client = stack.open(new_device());
         client.send_unchecked(R"({"type":"ping","id":0.)" + std::string(400, '0') + "1e-2147483639}");
         client.send_unchecked(R"({"type":"ping","x":1e-2147483639,"y":1e2147483647})");
         client.expect("pong");
       }},
      {"the same from the bus",
       [](Stack& stack) {
         const std::string device = new_device();
         WsClient client = stack.open(device, without_contract());  // it reads with RapidJSON, too
         client.subscribe({"metrics"});
         client.expect("subscribed");
         const std::string topic = "device:" + device + ":metrics";
         stack.redis().publish(topic, R"({"metrics":{"cpu_usage":0.)" + std::string(400, '0') + "1e-2147483639}}");
         stack.redis().publish(topic, std::string(100'000, '['));
         stack.publish(device, 7, now_ms());
         // Read as text: the number is sent on as it came, and the tests' own JSON is RapidJSON's too.
         const auto contains = [](const std::string& text, const char* part) { return text.find(part) != text.npos; };
         bool overrun_came = false;
         bool seven_came = false;
         const Deadline deadline(kDeadline);
         while (!seven_came) {
           const auto message = client.receive(deadline.left());
           if (!message || message->opcode != Opcode::text) break;
           overrun_came = overrun_came || contains(message->payload, "1e-2147483639");
           seven_came =
               contains(message->payload, R"("type":"metrics")") && contains(message->payload, R"("cpu_usage":7)");
         }
         BOOST_TEST(overrun_came);
         BOOST_TEST(seven_came);
       }},
      {"text that is no UTF-8",
       [](Stack& stack) {
         WsClient client = stack.open(new_device());
         client.send_unchecked(std::string(10'000, '\xff'));
         expect_code(client, 1007);
       }},
      {"connections that say nothing, and go",
       [](Stack& stack) {
         std::vector<TcpSocket> silent;
         for (int i = 0; i < 50; ++i) silent.emplace_back("127.0.0.1", stack.gateway().port());
         for (TcpSocket& socket : silent) socket.reset();
       }},
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Attacks)

BOOST_AUTO_TEST_CASE(each_is_refused_with_memory_flat_and_the_cpu_idle_afterwards) {
  Stack stack(
      {"--compress", "on", "--linger", "0", "--database", "none", "--stream-key", "none", "--command-rate", "1000"});
  GatewayProcess& gateway = stack.gateway();
  WsClient bystander = stack.open(new_device());
  const auto settled = [&] { return gateway.metric_sum("pulsegate_connections") == 1; };
  for (const Attack& attack : attacks()) {
    BOOST_TEST_CONTEXT(attack.name) {
      for (int i = 0; i < kRounds; ++i) attack.make(stack);
      BOOST_TEST(eventually(settled, kServerDeadline));
      const std::size_t before = gateway.rss_kib();
      for (int i = 0; i < kRounds; ++i) attack.make(stack);
      BOOST_TEST(eventually(settled, kServerDeadline));
      const std::size_t after = gateway.rss_kib();
      const std::size_t growth = after > before ? after - before : 0;
      // Nothing goes on working: the gateway becomes idle, within a tenth of one core.
      const bool idle = eventually([&] {
        const Millis used = cpu_time(gateway.pid());
        pause_for(kQuiet);
        return cpu_time(gateway.pid()) - used <= kQuiet / 10;
      });
      if (kMeasure) BOOST_TEST(growth < kMostGrowth);
      BOOST_TEST(idle);
      BOOST_TEST(bystander.expect_pong());
      if (kMeasure)
        record_result("attacks", attack.name, "refused; memory +" + std::to_string(growth) + " KiB, CPU idle");
    }
  }
  BOOST_TEST(gateway.running());
}

BOOST_AUTO_TEST_SUITE_END()
