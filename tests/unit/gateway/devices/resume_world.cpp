// See resume_world.hpp.
#include "resume_world.hpp"

#include <algorithm>

namespace pulsegate::test {

using proto::Channel;
using proto::Timestamp;
using Storage = ResumeWorldOptions::Storage;

namespace {

const std::string kTopic = "device:" + HubFixture::text(1) + ":metrics";

std::string iso(Timestamp time) {
  std::string text;
  proto::append_iso8601(text, time);
  return text;
}

Timestamp parse(const Json& time) {
  return *proto::parse_iso8601(time.string());
}

}  // namespace

ResumeWorld::Replica::Replica(const ResumeWorldOptions& options)
    : f({},
        options.storage == Storage::stream_only || options.storage == Storage::nothing ? HubFixture::Database::none
                                                                                       : HubFixture::Database::present,
        {},
        options.storage == Storage::stream_then_rows || options.storage == Storage::stream_only
            ? HubFixture::Stream::present
            : HubFixture::Stream::none) {
  f.history.hold();
  f.stream.hold();
}

ResumeWorld::ResumeWorld(std::uint64_t seed, const ResumeWorldOptions& options) : random_(seed), options_(options) {
  for (auto& replica : replicas_) replica = std::make_unique<Replica>(options);
}

bool ResumeWorld::has_stream() const {
  return options_.storage == Storage::stream_then_rows || options_.storage == Storage::stream_only;
}
bool ResumeWorld::has_table() const {
  return options_.storage != Storage::stream_only && options_.storage != Storage::nothing;
}

void ResumeWorld::tell(const std::string& sentence) {
  story_.push_back(iso(now()).substr(14, 9) + ' ' + sentence);
}

void ResumeWorld::in(int ms, Task task) {
  agenda_.emplace(now() + milliseconds(ms), std::move(task));
}

void ResumeWorld::run_until(Timestamp end) {
  poll();
  for (;;) {
    Timestamp next = agenda_.empty() ? end : std::min(end, agenda_.begin()->first);
    // What a hub asks for when its time has come must not wait for the next task.
    for (const auto& replica : replicas_) next = std::min(next, now() + replica->f.idle());
    for (const auto& replica : replicas_) replica->f.advance(next - replica->f.clock.now().wall);
    poll();
    if (!agenda_.empty() && agenda_.begin()->first <= now()) {
      const Task task = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      task();
      poll();
    } else if (now() >= end) {
      return;
    }
  }
}

void ResumeWorld::poll() {
  for (const auto& replica : replicas_) poll(*replica);
  for (std::size_t i = 0; i < seen_.size(); ++i) read(i);
}

// Everything that the replica has asked for takes a while.
void ResumeWorld::poll(Replica& r) {
  HubFixture& f = r.f;
  if (f.subscriber.up() && !r.subscribing && !f.subscriber.awaiting().empty()) {
    r.subscribing = true;
    in(1 + draw(20), [this, &r, connection = r.connection] {
      if (r.connection != connection) return;
      r.subscribed = true;  // from here on events are on their way, behind the confirmation
      r.arrives = std::max(r.arrives, now() + milliseconds(1 + draw(100)));
      agenda_.emplace(r.arrives, [this, &r, connection] {
        if (r.connection != connection) return;
        r.subscribing = false;
        r.f.confirm_device(1);
      });
    });
  }
  const auto duration = [&] { return options_.database_fails && !calm_ && one_in(4) ? draw(6'000) : 1 + draw(30); };
  if (f.source.outstanding() > 0 && !r.looking_at_snapshot) {
    r.looking_at_snapshot = true;
    in(duration(), [this, &r] {
      storage::Snapshot seen;
      seen.metrics = table_;
      if (!table_.empty()) seen.newest_metrics_json = R"({"cpu_usage":)" + value(last_report_) + "}";
      if (!table_.empty())
        seen.newest_metrics_json =
            R"({"cpu_usage":)" + std::to_string(table_.back().values[proto::Metric::cpu_usage].value) + "}";
      in(1 + draw(30), [&r, seen] {
        r.looking_at_snapshot = false;
        r.database_down ? r.f.fail() : r.f.answer(seen);
      });
    });
  }
  if (f.history.outstanding() > 0 && !r.looking_at_rows) {
    r.looking_at_rows = true;
    in(duration(), [this, &r] {
      r.f.history.fail_with(r.database_down ? storage::SnapshotError::unavailable : storage::SnapshotError::none);
      r.f.history.rows(HubFixture::device(1)) = table_;
      r.f.history.release();
      r.f.history.hold();
      in(1 + draw(30), [&r] {
        r.looking_at_rows = false;
        r.f.run();
      });
    });
  }
  if (f.stream.outstanding() > 0 && !r.looking_at_stream) {
    r.looking_at_stream = true;
    in(1 + draw(10), [this, &r] {
      auto& entries = r.f.stream.entries(HubFixture::device(1));
      entries.clear();
      for (const auto& [report, entry] : stream_) entries.push_back(entry);
      r.f.stream.release();
      r.f.stream.hold();
      in(1 + draw(30), [&r] {
        r.looking_at_stream = false;
        r.f.run();
      });
    });
  }
}

std::string ResumeWorld::value(int report) const {
  return options_.values == ResumeWorldOptions::Values::unique ? std::to_string(report) : "7";
}

void ResumeWorld::publish() {
  const int report = ++last_report_;
  const Timestamp time = now() + options_.clock;
  reports_[report] = {now(), time, false};
  tell("report " + std::to_string(report));
  store(report, time);
  send(report, time);
  if (!options_.doubled || !one_in(3)) return;
  reports_[report].twice = true;
  const int later = draw(300);
  const bool stored_again = one_in(2);
  const bool same_time = one_in(2);
  in(later, [=] {
    const Timestamp again = same_time ? time : now() + options_.clock;
    if (stored_again) store(report, again);
    send(report, again);
  });
}

// Just before it is published. Rows are written in order, and those that are due together in one batch.
void ResumeWorld::store(int report, Timestamp time) {
  if (has_stream()) {
    bus::StreamEntry entry;
    entry.added = now();
    entry.time = options_.timestamps ? time : entry.added;
    entry.data = R"({"cpu_usage":)" + value(report) + "}";
    stream_.emplace_back(report, entry);
  }
  if (!has_table()) return;
  const int wait = options_.storage == Storage::rows_at_once ? 1 + draw(15) : draw(10'000);
  const Timestamp due = now() + milliseconds(wait);
  rows_due_.emplace_back(report, rows_due_.empty() ? due : std::max(due, rows_due_.back().second));
  agenda_.emplace(rows_due_.back().second, [this] { insert_rows(); });
}

void ResumeWorld::insert_rows() {
  std::size_t written = 0;
  for (; !rows_due_.empty() && rows_due_.front().second <= now(); rows_due_.pop_front(), ++written) {
    auto row = replicas_[0]->f.row(std::stod(value(rows_due_.front().first)), 0);
    row.recorded_at = now();
    table_.push_back(row);
  }
  if (written > 0) tell(std::to_string(written) + " rows written");
  // Entries leave the stream once they are in the table.
  if (options_.storage != Storage::stream_then_rows) return;
  in(1 + draw(50), [this, written] {
    for (std::size_t i = 0; i < written && !stream_.empty(); ++i) stream_.pop_front();
  });
}

void ResumeWorld::send(int report, Timestamp time) {
  std::string payload = R"({"metrics":{"cpu_usage":)" + value(report) + "}";
  if (options_.timestamps) payload += R"(,"timestamp":")" + iso(time) + '"';
  payload += '}';
  for (const auto& each : replicas_) {
    Replica& r = *each;
    if (!r.subscribed) continue;
    r.arrives = std::max(r.arrives, now() + milliseconds(1 + draw(200)));
    agenda_.emplace(r.arrives, [this, &r, payload, connection = r.connection] {
      if (r.connection == connection) r.f.publish(kTopic, payload);
    });
  }
}

void ResumeWorld::toggle_bus(Replica& r) {
  ++r.connection;
  r.subscribed = r.subscribing = false;
  tell(std::string(&r == replicas_[0].get() ? "A" : "B") + (r.f.subscriber.up() ? " loses" : " finds") + " the bus");
  r.f.subscriber.up() ? r.f.bus_down() : r.f.bus_up();
}

void ResumeWorld::come(std::size_t i) {
  Client& client = clients_[i];
  client.replica = static_cast<std::size_t>(draw(2));
  client.here = std::make_unique<TestClient>(replicas_[client.replica]->f, HubFixture::device(1));
  subscribe(i);
}

void ResumeWorld::subscribe(std::size_t i) {
  Client& client = clients_[i];
  devices::SubscribeOptions options;
  const int kind = draw(8);
  client.since = client.cursor.empty() || kind == 0 ? "none" : kind == 1 ? "time" : "cursor";
  if (client.since != "none") options.since = proto::parse_since(client.since == "time" ? client.time : client.cursor);
  client.acknowledged = false;
  tell("client " + std::to_string(i) + " subscribes at " + (client.replica == 0 ? "A" : "B") + ", since " +
       client.since);
  client.here->subscribe({Channel::metrics}, options);
}

void ResumeWorld::act(std::size_t i) {
  Client& client = clients_[i];
  read(i);
  if (!client.here) return come(i);
  switch (draw(6)) {
    case 0:
      // Only once it is acknowledged, so that it is known which subscribe an acknowledgement answers.
      if (client.acknowledged) subscribe(i);
      return;
    case 1:
      if (!client.acknowledged) return;
      client.here->unsubscribe({Channel::metrics});
      read(i);
      seen_[i].push_back({Seen::What::left, now(), {}, {}, 0, {}, {}, {}, {}});
      tell("client " + std::to_string(i) + " unsubscribes");
      run_until(now() + milliseconds(draw(3'000)));
      if (client.here) subscribe(i);
      return;
    default:
      client.here.reset();
      seen_[i].push_back({Seen::What::left, now(), {}, {}, 0, {}, {}, {}, {}});
      tell("client " + std::to_string(i) + " leaves");
  }
}

void ResumeWorld::read(std::size_t i) {
  Client& client = clients_[i];
  if (!client.here) return;
  for (const Json& message : client.here->take()) {
    Seen seen{};
    seen.at = now();
    if (message.type() == "subscribed") {
      seen.what = Seen::What::acknowledged;
      seen.since = client.since;
      if (message.has("resumed")) seen.resumed = message.at("resumed").boolean();
      client.acknowledged = true;
    } else if (message.type() == "gap") {
      seen.what = Seen::What::gap;
      seen.from = parse(message.at("data").at("from"));
      seen.to = parse(message.at("data").at("to"));
      seen.reason = message.at("data").at("reason").string();
    } else if (message.type() == "metrics") {
      seen.what = Seen::What::sample;
      seen.report = static_cast<int>(message.at("data").at("cpu_usage").number());
      seen.time = parse(message.at("timestamp"));
      client.cursor = message.at("cursor").string();
      client.time = message.at("timestamp").string();
    } else {
      continue;
    }
    tell("  " + std::to_string(i) + ": " + message.type() +
         (seen.what == Seen::What::sample ? ' ' + std::to_string(seen.report) + " of " + client.time.substr(14, 9)
          : seen.what == Seen::What::gap
              ? ' ' + iso(seen.from).substr(14, 9) + " … " + iso(seen.to).substr(14, 9) + ' ' + seen.reason
          : seen.resumed ? (*seen.resumed ? " resumed" : " not resumed")
                         : ""));
    seen_[i].push_back(seen);
  }
}

void ResumeWorld::act() {
  Replica& replica = *replicas_[draw(2)];
  const int kind = draw(20);
  if (kind == 0 && options_.bus_fails) return toggle_bus(replica);
  if (kind == 1 && options_.database_fails) {
    replica.database_down = !replica.database_down;
    return tell(std::string("a database ") + (replica.database_down ? "fails" : "is back"));
  }
  if (kind < 9) return act(static_cast<std::size_t>(draw(4)));
  // A device's reports are further apart than the two copies of one.
  if (options_.doubled) run_until(now() + milliseconds(300));
  publish();
}

void ResumeWorld::run() {
  run_until(now() + milliseconds(10 + draw(1'000)));
  const int pause = one_in(3) ? 12'000 : one_in(2) ? 3'000 : 800;
  for (int step = 0; step < 60; ++step) {
    act();
    run_until(now() + milliseconds(one_in(12) ? draw(25'000) : draw(pause)));
  }
  calm_down();
}

// All that has been published has time to arrive.
void ResumeWorld::calm_down() {
  calm_ = true;
  tell("calm");
  for (const auto& replica : replicas_) {
    replica->database_down = false;
    if (!replica->f.subscriber.up()) toggle_bus(*replica);
  }
  for (std::size_t i = 0; i < seen_.size(); ++i)
    if (!clients_[i].here) come(i);
  run_until(now() + milliseconds(2'000));
  for (int step = 0; step < 5; ++step) {
    publish();
    run_until(now() + milliseconds(1'500 + draw(3'000)));
  }
  run_until(now() + milliseconds(70'000));
}

std::array<std::uint64_t, kResumeOutcomes> ResumeWorld::outcomes() const {
  std::array<std::uint64_t, kResumeOutcomes> sum{};
  for (const auto& replica : replicas_)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += replica->f.hub->counters().resumes[i];
  return sum;
}

}  // namespace pulsegate::test
