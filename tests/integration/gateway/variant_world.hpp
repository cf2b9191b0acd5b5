// One run of the API server, its database and dashboards in every form of the tables at once: a database and a gateway
// a variant, some devices each, whose clocks are right or five seconds off, rows that are written some time after their
// event, and clients that come before, amid and after. Recorded once; the cases judge what was received.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stack.hpp"
#include "variant_reports.hpp"

namespace pulsegate::test {

inline constexpr int kOlderRows = 8;    // that were there before anybody came
inline constexpr int kReports = 28;     // together more than a window holds
inline constexpr int kMiddle = 14;      // the report before which somebody comes
inline constexpr int kFirstOlder = 60;  // the number of the first older report
inline constexpr std::size_t kWindow = 30;

struct WatchingClient {
  WsClient socket;
  std::vector<Json> received;

  // Takes what has come by now.
  void drain();
  std::vector<Json> of_type(const std::string& type) const;
  // The points of the newest `history`; empty: none came.
  std::vector<ChartPoint> chart() const;
};

struct VariantDevice {
  // When its first client comes: before the first report, before report kMiddle, or after the last row.
  enum class First { before, middle, after };

  const Variant* variant = nullptr;
  First first = First::before;
  int clock_ms = 0;  // what the publisher's clock is ahead of the database's
  std::string uuid;
  std::vector<ChartPoint>
      expected;  // of all samples, oldest first: as published from the first client on, else as stored
  std::vector<WatchingClient> clients;  // in the order in which they came

  // Reports from which on client `i` gets every event.
  std::vector<int> heard_from;
  std::string name() const;
  // What the window is to show in the end.
  std::vector<ChartPoint> window() const;
};

class VariantWorld {
 public:
  // The one that all cases look at, run when the first of them asks.
  static VariantWorld& shared();

  const std::vector<Variant>& variants() const { return variants_; }
  std::vector<VariantDevice>& devices() { return devices_; }

 private:
  struct DueRow {
    VariantDevice* device;
    Report report;
    std::size_t place;  // in device->expected
    long long due_ms;
    bool with_state;
  };

  VariantWorld();
  void create_databases();
  void write_older_rows();
  void connect(VariantDevice& device, int next_report);
  void publish(int number);
  // Writes the rows whose time has come, of each device in order; returns whether none is left.
  bool write_due_rows();
  void receive_the_rest();

  PostgresClient& sql(const VariantDevice& device);
  // Returns the time that the database stamped it with.
  long long write_row(VariantDevice& device, const Report& report, const SqlValue& recorded_at = std::nullopt);

  PostgresServer postgres_;
  RedisServer redis_;
  std::vector<Variant> variants_;
  std::vector<PostgresClient> databases_;                  // one a variant
  std::vector<std::unique_ptr<GatewayProcess>> gateways_;  // one a variant
  std::vector<VariantDevice> devices_;
  std::vector<DueRow> due_;
};

// The state that a device reports in the middle, and that the table holds from before.
std::string state_event(const VariantDevice& device);

}  // namespace pulsegate::test
