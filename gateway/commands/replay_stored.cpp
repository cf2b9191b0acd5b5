#include "gateway/commands/replay_stored.hpp"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <stdexcept>
#include <utility>

#include "bus/redis_cluster_stream_reader.hpp"
#include "bus/redis_stream_reader.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/redis_parts.hpp"
#include "gateway/commands/sql_parts.hpp"
#include "proto/channel.hpp"
#include "proto/message.hpp"
#include "proto/topic.hpp"
#include "storage/postgres_source.hpp"

namespace pulsegate::commands {
namespace {

constexpr std::size_t kPage = 1'000;

// {"deviceUuid":…,"metrics":…,"timestamp":…}, as the API server publishes a report.
std::string report(const proto::DeviceId& device, std::string_view metrics, proto::Timestamp time) {
  std::string text = R"({"deviceUuid":")" + device.text() + R"(","metrics":)";
  text += metrics;
  text += R"(,"timestamp":")";
  proto::append_iso8601(text, time);
  return text + "\"}";
}

std::string metrics_channel(const Config& config, const proto::DeviceId& device) {
  const proto::ChannelTable channels(config.pass_through);
  return proto::TopicTable(config.topic_prefix, channels).metrics_topic(device);
}

// An adapter that answers through an io_context, asked and waited for on one thread.
template <typename Answer, typename Ask>
Answer ask_and_wait(asio::io_context& io, Ask&& ask) {
  std::optional<Answer> answer;
  ask([&answer](Answer given) { answer = std::move(given); });
  io.restart();
  while (!answer) io.run_one();
  return std::move(*answer);
}

struct StreamConnection {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<bus::StreamSource> reader;
};

class StreamEvents final : public StoredEvents {
 public:
  StreamEvents(std::shared_ptr<StreamConnection> connection, const proto::DeviceId& device, std::string channel,
               proto::Timestamp from)
      : connection_(std::move(connection)), device_(device), channel_(std::move(channel)), from_(from) {}

  std::vector<ReplayEvent> next_page() override {
    std::vector<ReplayEvent> page;
    while (page.empty() && !over_) read(page);
    return page;
  }

 private:
  void read(std::vector<ReplayEvent>& page) {
    auto answer = ask_and_wait<bus::StreamAnswer>(connection_->io, [this](bus::StreamSource::Callback done) {
      connection_->reader->read_from(device_, from_, std::min(kPage + given_, bus::kMaxStreamRead), std::move(done));
    });
    if (!answer.ok) throw std::runtime_error(answer.detail);
    over_ = !answer.more;
    // A page begins with the millisecond in which the one before ended: what it gave of that is passed over.
    const std::size_t again = std::min(given_, answer.entries.size());
    if (answer.more && again == answer.entries.size())
      throw std::runtime_error("a stream holds more entries of one millisecond than one read returns");
    for (std::size_t i = again; i < answer.entries.size(); ++i) {
      const bus::StreamEntry& entry = answer.entries[i];
      if (!entry.data.empty()) page.push_back({entry.time, channel_, report(device_, entry.data, entry.time), {}});
    }
    if (answer.entries.empty()) return;
    const proto::Timestamp last = answer.entries.back().added;
    given_ = static_cast<std::size_t>(std::count_if(answer.entries.begin(), answer.entries.end(),
                                                    [last](const auto& entry) { return entry.added == last; }));
    from_ = last;
  }

  const std::shared_ptr<StreamConnection> connection_;
  const proto::DeviceId device_;
  const std::string channel_;
  proto::Timestamp from_;
  std::size_t given_ = 0;  // entries of the millisecond `from_` that were given
  bool over_ = false;
};

struct RowsConnection {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<storage::PostgresSource> source;
  ~RowsConnection() {
    if (source) source->stop();
  }
};

class RowEvents final : public StoredEvents {
 public:
  RowEvents(std::shared_ptr<RowsConnection> connection, const proto::DeviceId& device, std::string channel,
            proto::Timestamp from)
      : connection_(std::move(connection)),
        device_(device),
        channel_(std::move(channel)),
        after_(from - proto::Timestamp::duration(1)) {}

  std::vector<ReplayEvent> next_page() override {
    if (over_) return {};
    const auto result = ask_and_wait<storage::HistoryResult>(connection_->io, [this](storage::HistoryCallback done) {
      connection_->source->read_after(
          {device_, after_, kPage},
          [this](std::function<void()> call) { asio::post(connection_->io, std::move(call)); }, std::move(done));
    });
    if (result.error != storage::SnapshotError::none) throw std::runtime_error(result.detail);
    const storage::History& history = *result.history;
    over_ = !history.more;
    std::vector<ReplayEvent> page;
    for (const storage::MetricsRow& row : history.rows) {
      std::string metrics;
      proto::append_metric_values(metrics, row.values, history.metric_mask);
      page.push_back({row.recorded_at, channel_, report(device_, metrics, row.recorded_at), {}});
    }
    if (!history.rows.empty()) after_ = history.rows.back().recorded_at;
    return page;
  }

 private:
  const std::shared_ptr<RowsConnection> connection_;
  const proto::DeviceId device_;
  const std::string channel_;
  proto::Timestamp after_;
  bool over_ = false;
};

}  // namespace

StoredInput::StoredInput(std::vector<proto::DeviceId> devices, Open open)
    : devices_(std::move(devices)), open_(std::move(open)) {
  rewind();
}

std::optional<ReplayEvent> StoredInput::next() {
  Source* oldest = nullptr;
  for (Source& source : sources_) {
    if (source.page.empty() && !source.over) {
      std::vector<ReplayEvent> page = source.events->next_page();
      source.over = page.empty();
      std::move(page.begin(), page.end(), std::back_inserter(source.page));
    }
    if (!source.page.empty() && (oldest == nullptr || source.page.front().time < oldest->page.front().time))
      oldest = &source;
  }
  if (oldest == nullptr) return std::nullopt;
  ReplayEvent event = std::move(oldest->page.front());
  oldest->page.pop_front();
  return event;
}

void StoredInput::rewind() {
  sources_.clear();
  for (const proto::DeviceId& device : devices_) {
    sources_.emplace_back();
    sources_.back().events = open_(device);
  }
}

StoredInput::Open open_streams(const Config& config, const bus::RedisConfig& redis,
                               std::optional<proto::Timestamp> from) {
  const StreamFactory factory = stream_factory(config, redis);
  if (!factory) throw ConfigurationError("--stream needs a --stream-key other than none");
  auto connection = std::make_shared<StreamConnection>();
  connection->reader = factory(connection->io);
  return [connection, config, from](const proto::DeviceId& device) {
    return std::make_unique<StreamEvents>(connection, device, metrics_channel(config, device),
                                          from.value_or(proto::Timestamp{}));
  };
}

StoredInput::Open open_rows(const Config& config, const std::string& connection_string,
                            std::optional<proto::Timestamp> from) {
  auto connection = std::make_shared<RowsConnection>();
  try {
    storage::PostgresConfig postgres{connection_string, load_statements(config)};
    postgres.threads = 2;  // ranges of history occupy half of them
    postgres.lease = std::chrono::seconds(10);
    connection->source = std::make_unique<storage::PostgresSource>(std::move(postgres), storage::LogLine{});
  } catch (const std::invalid_argument& fault) {
    throw ConfigurationError(fault.what());
  }
  return [connection, config, from](const proto::DeviceId& device) {
    return std::make_unique<RowEvents>(connection, device, metrics_channel(config, device),
                                       from.value_or(proto::Timestamp{} + proto::Timestamp::duration(1)));
  };
}

}  // namespace pulsegate::commands
