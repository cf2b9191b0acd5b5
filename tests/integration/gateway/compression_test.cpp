// `--compress on` in the real gateway: events of a device reach clients with and without compression alike.
#include <boost/test/unit_test.hpp>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

// Long enough to be worth compressing.
std::string processes() {
  std::string list = R"(,"top_processes":[)";
  for (int i = 0; i < 12; ++i)
    list += (i == 0 ? "" : ",") + (R"({"pid":)" + std::to_string(800 + 17 * i)) +
            R"(,"name":"node","cpu":1.5,"mem":6.1,"command":"/usr/bin/node /srv/agent/dist/index.js"})";
  return list + "]";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Compression)

BOOST_AUTO_TEST_CASE(clients_with_and_without_it_see_the_same_device) {
  Stack stack({"--compress", "on"});
  const std::string device = new_device();
  WsOptions offer;
  offer.extensions = "permessage-deflate; client_max_window_bits";
  WsClient plain = stack.open(device);
  WsClient compressed = stack.open(device, offer);
  BOOST_TEST(plain.extensions().empty());
  BOOST_TEST(!compressed.extensions().empty());
  for (WsClient* client : {&plain, &compressed}) {
    client->expect("connected");
    client == &compressed ? client->send_compressed(R"({"type":"subscribe","channels":["metrics"]})")
                          : client->subscribe({"metrics"});
    client->expect("subscribed");
    client->expect_until_pong();
  }
  for (int i = 0; i < 20; ++i)
    stack.redis().publish("device:" + device + ":metrics", metrics_event(device, i, now_ms() + i, processes()));
  for (int i = 0; i < 20; ++i) {
    const Json one = plain.expect("metrics"), other = compressed.expect("metrics");
    BOOST_TEST(one.text() == other.text());
    BOOST_TEST(other.at("data").at("cpu_usage").number() == i);
  }
  BOOST_TEST(compressed.compressed_received() >= 20u);
  const GatewayProcess& gateway = stack.gateway();
  BOOST_TEST(gateway.metric_sum("pulsegate_compressed_connections") == 1);
  BOOST_TEST(gateway.metric_sum("pulsegate_compressed_frames_total") >= 20);
  BOOST_TEST(gateway.metric_sum("pulsegate_compression_saved_bytes_total") > 20 * 400);
  BOOST_TEST(gateway.metric_sum("pulsegate_received_compressed_total") == 1);
}

BOOST_AUTO_TEST_CASE(without_the_option_an_offer_is_passed_over) {
  Stack stack;
  WsOptions offer;
  offer.extensions = "permessage-deflate";
  WsClient client = stack.open(new_device(), offer);
  BOOST_TEST(client.extensions().empty());
  client.expect("connected");
}

BOOST_AUTO_TEST_SUITE_END()
