// One pass over a bus payload. Whether it is an envelope is known only at its end (the member may come last), so the
// fields of the top-level object and those of the wanted member are collected side by side and one set is chosen.
#include "proto/bus_event.hpp"

#include <utility>

#include "proto/json_scan.hpp"
#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

constexpr std::pair<std::string_view, SystemField> kSystemMembers[] = {
    {"os_version", SystemField::os},         {"architecture", SystemField::architecture},
    {"uptime", SystemField::uptime},         {"hostname", SystemField::hostname},
    {"ip_address", SystemField::ip_address}, {"mac_address", SystemField::mac_address},
};

// The fields of one object, either of the two that may turn out to be the wanted one.
struct Fields {
  std::string_view top_processes;
  std::string_view network_interfaces;
  MetricValues values;
  SystemInfo system;
  std::string local_ip;

  void reset() {
    top_processes = network_interfaces = {};
    values = {};
    for (std::string& json : system.json) json.clear();
    local_ip.clear();
  }
};

}  // namespace

struct BusEventParser::Reader : JsonVisitor {
  explicit Reader(std::size_t limit) : max_payload_(limit) {}

  virtual BusEventError parse(TopicKind kind, std::string_view payload, BusEvent& event);

  void key(std::size_t depth, std::string_view name) override;
  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override;
  void open(std::size_t depth, JsonKind kind, std::size_t begin) override;
  void close(std::size_t depth, JsonKind kind, std::size_t end) override;

 protected:
  // There is an object around the event's own. Of the last parse that succeeded.
  bool has_envelope() const noexcept { return wanted_name_.empty() ? root_is_object_ : wanted_ == Wanted::object; }

 private:
  // What the value behind the last key is for.
  enum class Target : std::uint8_t { none, wanted, timestamp, type, slice, metric, text };
  enum class Wanted : std::uint8_t { absent, unusable, object };

  void start(TopicKind kind, std::string_view payload);
  BusEventError finish(BusEvent& event);
  void find_field(Fields& fields, std::string_view name);
  void find_system_field(Fields& fields, std::string_view name);

  const std::size_t max_payload_;
  JsonScanner scanner_;
  TopicKind kind_ = TopicKind::metrics;
  std::string_view payload_;
  std::string_view wanted_name_;  // the envelope's member, empty for kinds without envelope

  Target target_ = Target::none;
  std::string_view* slice_ = nullptr;  // for Target::slice, and while that array is open
  MetricValue* metric_ = nullptr;      // for Target::metric
  std::string* text_ = nullptr;        // for Target::text
  bool slice_open_ = false;
  std::size_t slice_begin_ = 0, slice_depth_ = 0;

  bool root_is_object_ = false;
  Wanted wanted_ = Wanted::absent;
  bool in_wanted_ = false;
  std::size_t root_begin_ = 0, wanted_begin_ = 0;
  std::string_view root_, object_;
  bool has_type_ = false;
  std::optional<Timestamp> timestamp_;
  Fields bare_;     // of the top-level object
  Fields wrapped_;  // of the envelope's member
};

void BusEventParser::Reader::start(TopicKind kind, std::string_view payload) {
  kind_ = kind;
  payload_ = payload;
  wanted_name_ = kind == TopicKind::metrics ? "metrics" : kind == TopicKind::state ? "state" : std::string_view{};
  target_ = Target::none;
  slice_open_ = root_is_object_ = in_wanted_ = has_type_ = false;
  wanted_ = Wanted::absent;
  root_ = object_ = {};
  timestamp_.reset();
  bare_.reset();
  wrapped_.reset();
}

void BusEventParser::Reader::key(std::size_t depth, std::string_view name) {
  target_ = Target::none;
  if (depth == 2 && in_wanted_) return find_field(wrapped_, name);
  if (depth != 1) return;
  if (name == "timestamp") {
    timestamp_.reset();
    target_ = Target::timestamp;
  } else if (!wanted_name_.empty()) {
    if (name == wanted_name_) {
      wanted_ = Wanted::unusable;
      target_ = Target::wanted;
    } else {
      find_field(bare_, name);
    }
  } else if (name == "type") {
    has_type_ = false;
    target_ = Target::type;
  }
}

// A repeated member starts from nothing again: the last one counts, even when it is null.
void BusEventParser::Reader::find_field(Fields& fields, std::string_view name) {
  if (name == "top_processes" || name == "network_interfaces") {
    slice_ = name == "top_processes" ? &fields.top_processes : &fields.network_interfaces;
    *slice_ = {};
    target_ = Target::slice;
  } else if (kind_ == TopicKind::state) {
    find_system_field(fields, name);
  } else if (const auto metric = find_metric(name)) {
    metric_ = &fields.values[*metric];
    *metric_ = {};
    target_ = Target::metric;
  }
}

void BusEventParser::Reader::find_system_field(Fields& fields, std::string_view name) {
  text_ = name == "local_ip" ? &fields.local_ip : nullptr;
  for (const auto& [member, field] : kSystemMembers)
    if (name == member) text_ = &fields.system.json[static_cast<std::size_t>(field)];
  if (text_ == nullptr) return;
  text_->clear();
  target_ = Target::text;
}

void BusEventParser::Reader::scalar(std::size_t, JsonKind kind, std::string_view text) {
  const bool is_string = kind == JsonKind::string;
  switch (std::exchange(target_, Target::none)) {
    case Target::timestamp:
      if (is_string) timestamp_ = parse_iso8601(text);
      break;
    case Target::type:
      has_type_ = is_string;
      break;
    case Target::metric:
      if (!is_string && kind != JsonKind::number) break;
      if (const auto number = parse_number(text)) {
        metric_->value = *number;
        metric_->present = true;
      }
      break;
    case Target::text:
      if (is_string) append_json_string(*text_, text);
      if (kind == JsonKind::number) text_->assign(text);
      break;
    case Target::none:
    case Target::wanted:
    case Target::slice:
      break;
  }
}

void BusEventParser::Reader::open(std::size_t depth, JsonKind kind, std::size_t begin) {
  const Target target = std::exchange(target_, Target::none);
  if (depth == 0) {
    root_is_object_ = kind == JsonKind::object;
    root_begin_ = begin;
  } else if (target == Target::wanted && kind == JsonKind::object) {
    wanted_ = Wanted::object;
    in_wanted_ = true;
    wanted_begin_ = begin;
    wrapped_.reset();
  } else if (target == Target::slice && kind == JsonKind::array) {
    slice_open_ = true;
    slice_begin_ = begin;
    slice_depth_ = depth;
  }
}

void BusEventParser::Reader::close(std::size_t depth, JsonKind, std::size_t end) {
  if (depth == 0) {
    root_ = payload_.substr(root_begin_, end - root_begin_);
  } else if (slice_open_ && depth == slice_depth_) {
    *slice_ = payload_.substr(slice_begin_, end - slice_begin_);
    slice_open_ = false;
  } else if (in_wanted_ && depth == 1) {
    object_ = payload_.substr(wanted_begin_, end - wanted_begin_);
    in_wanted_ = false;
  }
}

BusEventError BusEventParser::Reader::parse(TopicKind kind, std::string_view payload, BusEvent& event) {
  if (payload.size() > max_payload_) return BusEventError::too_big;
  start(kind, payload);
  switch (scanner_.scan(payload, *this)) {
    case JsonScan::malformed:
      return BusEventError::malformed;
    case JsonScan::too_deep:
      return BusEventError::too_deep;
    case JsonScan::ok:
      break;
  }
  return finish(event);
}

BusEventError BusEventParser::Reader::finish(BusEvent& event) {
  if (kind_ != TopicKind::pass_through && !root_is_object_) return BusEventError::not_an_object;
  if (kind_ == TopicKind::broadcast && !has_type_) return BusEventError::missing_type;
  if (wanted_ == Wanted::unusable) return BusEventError::not_an_object;

  Fields& fields = wanted_ == Wanted::object ? wrapped_ : bare_;
  event.timestamp = timestamp_;
  event.object = wanted_name_.empty() ? payload_ : wanted_ == Wanted::object ? object_ : root_;
  event.top_processes = fields.top_processes;
  event.network_interfaces = fields.network_interfaces;
  event.values = fields.values;
  if (kind_ != TopicKind::state) return BusEventError::none;
  std::string& address = fields.system.json[static_cast<std::size_t>(SystemField::ip_address)];
  if (address.empty()) address.swap(fields.local_ip);
  event.system.json.swap(fields.system.json);
  return BusEventError::none;
}

// Looks at two members more. Apart, so that who does not want them pays nothing for it.
struct BusEventParser::TracingReader final : Reader {
  using Reader::Reader;

  BusEventError parse(TopicKind kind, std::string_view payload, BusEvent& event) override {
    waiting_ = nullptr;
    parent_.reset();
    state_.reset();
    const BusEventError error = Reader::parse(kind, payload, event);
    event.trace = {};
    event.trace_finding = error == BusEventError::none && has_envelope() ? take(event.trace) : TraceFinding::none;
    return error;
  }

  void key(std::size_t depth, std::string_view name) override {
    waiting_ = nullptr;
    if (depth == 1 && name == "traceparent") waiting_ = &parent_;
    if (depth == 1 && name == "tracestate") waiting_ = &state_;
    if (waiting_ != nullptr) waiting_->reset();  // the last one counts
    Reader::key(depth, name);
  }

  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override {
    Member* const member = std::exchange(waiting_, nullptr);
    if (member == nullptr) return Reader::scalar(depth, kind, text);
    const bool is_string = kind == JsonKind::string;
    member->present = kind != JsonKind::null && !(is_string && text.empty());
    if (is_string && text.size() <= kMaxTracestateSize) member->text.assign(text);
  }

  void open(std::size_t depth, JsonKind kind, std::size_t begin) override {
    if (Member* const member = std::exchange(waiting_, nullptr)) member->present = true;
    Reader::open(depth, kind, begin);
  }

 private:
  struct Member {
    bool present = false;
    std::string text;  // empty: it is no string, or longer than any

    void reset() {
      present = false;
      text.clear();
    }
  };

  // Without a parent the state says nothing, so it is bad, too.
  TraceFinding take(TraceContext& trace) const {
    if (!parent_.present && !state_.present) return TraceFinding::none;
    if (parent_.present && !is_traceparent(parent_.text)) return TraceFinding::bad_parent;
    trace.parent = parent_.text;
    if (!state_.present) return TraceFinding::taken;
    if (!parent_.present || !is_tracestate(state_.text)) return TraceFinding::bad_state;
    trace.state = state_.text;
    return TraceFinding::taken;
  }

  Member* waiting_ = nullptr;  // whose value comes next
  Member parent_, state_;
};

BusEventParser::BusEventParser(std::size_t max_payload, bool traces)
    : reader_(traces ? std::unique_ptr<Reader>(std::make_unique<TracingReader>(max_payload))
                     : std::make_unique<Reader>(max_payload)) {}
BusEventParser::~BusEventParser() = default;

BusEventError BusEventParser::parse(TopicKind kind, std::string_view payload, BusEvent& event) {
  return reader_->parse(kind, payload, event);
}

std::string_view name(BusEventError error) noexcept {
  switch (error) {
    case BusEventError::none:
      return "none";
    case BusEventError::too_big:
      return "too-big";
    case BusEventError::malformed:
      return "malformed";
    case BusEventError::too_deep:
      return "too-deep";
    case BusEventError::not_an_object:
      return "not-an-object";
    case BusEventError::missing_type:
      return "missing-type";
  }
  return "unknown";
}

}  // namespace pulsegate::proto
