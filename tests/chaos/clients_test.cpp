// Clients that send garbage, that flood, and that do not read: they are refused, bounded or sent away, and nobody else
// notices.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <thread>

#include "arena.hpp"
#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate::test;

namespace {

// Sanitizers keep what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasure = false;
#else
constexpr bool kMeasure = true;
#endif

constexpr std::size_t kMostGrowth = 5 * 1024;  // KiB of resident memory

std::string growth(std::size_t before, std::size_t after) {
  return "memory +" + std::to_string(after > before ? after - before : 0) + " KiB";
}

// The others got everything in order, and stayed.
ResultRow judge_others(Arena& arena, const std::string& scenario, long long begin) {
  const double p99 = live_p99_ms(arena.crowd().watchers(), arena.reporter(), begin);
  ResultRow row = arena.judge(scenario);
  BOOST_TEST(row.disconnects == 0u);
  BOOST_TEST(row.named == 0u);
  BOOST_TEST(row.lost == 0u);
  row.note += "; p99 of the others " + std::to_string(static_cast<int>(p99)) + " ms";
  return row;
}

// One of each kind. Every one is refused in its way.
void send_garbage(Arena& arena, const std::string& device, unsigned seed) {
  std::string noise(2'000, '\0');
  for (char& byte : noise) byte = static_cast<char>((seed = seed * 1'664'525u + 1'013'904'223u) >> 24);
  const auto closed_with = [&](const char* what, std::uint16_t code, const auto& send) {
    WsClient client = arena.gateway().open_device(device);
    send(client);
    const std::uint16_t got = client.expect_close().code;
    BOOST_TEST(got == code, what << " was answered by " << got);
  };
  closed_with("text that is no UTF-8", 1007, [&](WsClient& c) { c.send_unchecked("\xff\xfe\xc3\x28"); });
  closed_with("a message of a megabyte", 1009, [&](WsClient& c) { c.send_unchecked(std::string(1'000'000, 'x')); });
  closed_with("a reserved opcode", 1002, [&](WsClient& c) { c.send_fragment(static_cast<Opcode>(5), "x", true); });
  closed_with("a frame without a mask", 1002, [&](WsClient& c) {
    WsFrame frame;
    frame.payload = "{}";
    c.send_frame(frame);
  });
  WsClient rude = arena.gateway().open_device(device);
  for (const std::string& text :
       {std::string("{"), std::string(300, '['), R"({"type":")" + std::string(99, 'z') + "\"}"})
    rude.send_unchecked(text);
  for (int i = 0; i < 3; ++i) rude.expect("error");
  rude.send_binary(noise);
  rude.expect("error");
  rude.drop(seed % 2 == 0);

  WsClient stray = arena.gateway().open_device(device);
  stray.send_raw(noise);  // frames of any kind, by chance; mostly their end
  stray.drop(true);
  TcpSocket no_http("127.0.0.1", arena.gateway().port());
  no_http.write("\x16\x03\x01" + noise + "\r\n\r\n");
  std::string answer;
  no_http.read_some(answer);
  BOOST_TEST(answer.substr(0, 12) != "HTTP/1.1 101");
}

struct Flood {
  std::size_t sent = 0, answered = 0, refused = 0;
  bool ended = false;
};

// Sends commands without a pause, and takes the answers.
Flood flood(WsClient& client, Millis time) {
  Flood flood;
  const Deadline end(time);
  const auto take = [&](Millis wait) {
    while (const auto message = client.receive(wait)) {
      if (message->opcode != Opcode::text) return;
      const std::string type = message->json().type();
      if (type == "pong") ++flood.answered;
      if (type == "error") ++flood.refused;
    }
  };
  while (!end.passed() && !client.ended()) {
    for (int i = 0; i < 100; ++i, ++flood.sent)
      if (!client.send_text(R"({"type":"ping"})")) break;
    take(Millis(0));
  }
  take(Millis(500));
  flood.ended = client.ended();
  return flood;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ChaosClients)

BOOST_AUTO_TEST_CASE(send_garbage_of_every_kind) {
  Arena arena;
  const std::string device = new_device();
  unsigned seed = 1;
  for (; seed <= 5; ++seed) send_garbage(arena, device, seed);  // what is made once
  const std::size_t before = arena.gateway().rss_kib();
  const long long begin = now_ms();
  const Deadline end(scale().pick(Millis(8'000), Millis(2'000)));
  unsigned rounds = 0;
  for (; !end.passed(); ++rounds) send_garbage(arena, device, ++seed);
  BOOST_TEST(rounds > 3u);
  ResultRow row = judge_others(arena, "clients send garbage", begin);
  const std::size_t after = arena.gateway().rss_kib();
  if (kMeasure) BOOST_TEST(after < before + kMostGrowth);
  row.note += "; " + std::to_string(rounds * 7) + " of them refused; " + growth(before, after);
  ResultsTable::of_this_run().add(row);
}

BOOST_AUTO_TEST_CASE(flood_commands) {
  constexpr int kFlooders = 10;
  const Millis time = scale().pick(Millis(6'000), Millis(2'000));
  Arena arena;
  std::vector<WsClient> clients;
  for (int i = 0; i < kFlooders; ++i) clients.push_back(arena.gateway().open_device(arena.devices()[0]));
  std::vector<Flood> floods(kFlooders);
  const std::size_t before = arena.gateway().rss_kib();
  const long long begin = now_ms();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kFlooders; ++i) threads.emplace_back([&, i] { floods[i] = flood(clients[i], time); });
  for (std::thread& thread : threads) thread.join();
  const std::size_t after = arena.gateway().rss_kib();
  std::size_t sent = 0;
  // The burst, then the rate; the flood may last a little longer than it was meant to.
  const std::size_t most = 60 + 20 * (static_cast<std::size_t>(now_ms() - begin) / 1000 + 2);
  for (const Flood& each : floods) {
    sent += each.sent;
    BOOST_TEST(each.sent > 1'000u);
    BOOST_TEST(each.answered > 0u);
    BOOST_TEST(each.answered <= most);
    BOOST_TEST(each.refused > 0u);
    BOOST_TEST(!each.ended);
  }
  if (kMeasure) BOOST_TEST(after < before + kMostGrowth);
  ResultRow row = judge_others(arena, "clients flood commands", begin);
  row.note += "; " + std::to_string(sent) + " commands by " + std::to_string(kFlooders) + ", at most " +
              std::to_string(most) + " of each answered; " + growth(before, after);
  ResultsTable::of_this_run().add(row);
}

BOOST_AUTO_TEST_CASE(read_too_little_for_much) {
  const std::size_t readers = scale().pick<std::size_t>(200, 60);
  constexpr std::size_t kEvent = 100'000;
  constexpr std::size_t kSession = 1024 * 1024;     // --close-above
  constexpr std::size_t kRemembered = 64UL * 1024;  // KiB, --resume-memory
  Arena arena;
  std::vector<std::string> devices;
  for (std::size_t i = 0; i < readers; ++i) devices.push_back(new_device());
  WsOptions slow;
  slow.tcp.receive_buffer = 4'096;
  Crowd crowd(arena.gateway().port(), devices, readers, slow);
  BOOST_REQUIRE(crowd.wait_until_watching());
  crowd.stop_reading(readers);
  const std::size_t before = arena.gateway().rss_kib();
  const long long begin = now_ms();
  double most_backlog = 0;
  std::size_t most_rss = before;
  const auto look = [&] {
    most_backlog = std::max(most_backlog, arena.gateway().metric_sum("pulsegate_backlog_bytes"));
    most_rss = std::max(most_rss, arena.gateway().rss_kib());
  };
  // Of samples the latest is kept; what must not be conflated grows until the client is sent away.
  const std::string padding = R"(,"padding":")" + std::string(kEvent, 'x') + '"';
  const std::string broadcast = R"({"type":"alarm","padding":")" + std::string(kEvent, 'y') + R"("})";
  RedisClient redis = arena.redis().client();
  // As fast as the gateway takes it: what outran it would be lost on the bus, and not be anybody's backlog.
  const auto received = [&] { return arena.gateway().metric_sum("pulsegate_bus_received_bytes_total"); };
  double heard = received();
  const auto publish = [&](const char* kind, const auto& event) {
    for (const std::string& device : devices) {
      const std::string text = event(device);
      redis.publish("device:" + device + kind, text);
      heard += static_cast<double>(text.size());
    }
    BOOST_REQUIRE(eventually([&] { return received() >= heard; }, kServerDeadline, Millis(10)));
    look();
  };
  for (int round = 0; round < 25; ++round)
    publish(":metrics",
            [&](const std::string& device) { return metrics_event(device, 1.0 + round, now_ms(), padding); });
  const auto sent_away = [&] {
    return arena.gateway().metric_sum("pulsegate_disconnects_total") >= static_cast<double>(readers);
  };
  int broadcasts = 0;
  for (; broadcasts < 40; ++broadcasts) publish(":broadcast", [&](const std::string&) { return broadcast; });
  // Who does not answer the closing handshake is cut off after its 5 s.
  BOOST_TEST(eventually(sent_away, scale().limit(kDeadline), Millis(50)), "they are still connected");
  crowd.read_again();
  BOOST_TEST(crowd.wait_for_all([](const Watcher& w) { return w.end.has_value(); }));
  BOOST_TEST(eventually([&] { return arena.gateway().metric_sum("pulsegate_backlog_bytes") < kSession; }));
  BOOST_TEST(most_backlog > 0);
  BOOST_TEST(most_backlog <= static_cast<double>(readers * (kSession + 2 * kEvent)));
  if (kMeasure) BOOST_TEST(most_rss < before + kRemembered + readers * (kSession + 2 * kEvent) / 1024);
  ResultRow row = judge_others(arena,
                               std::to_string(readers) + " clients, a device each, do not read " +
                                   std::to_string((25 + broadcasts) / 10) + " MB; of the others",
                               begin);
  row.note +=
      "; backlog at most " + std::to_string(static_cast<long>(most_backlog / 1e6)) + " MB, " + growth(before, most_rss);
  ResultsTable::of_this_run().add(row);
}

BOOST_AUTO_TEST_SUITE_END()
