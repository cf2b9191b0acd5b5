// The statements as SOCI keeps them: prepared once, with the buffers that every execution fills again.
// Included by the readers only, since SOCI's headers are large.
#pragma once

#include <soci/soci.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "storage/named_sql.hpp"

namespace pulsegate::storage {

struct RowParameters;

// Thread, Owner: as SnapshotReader. Not movable: SOCI holds addresses of the members.
class PreparedStatement {
 public:
  PreparedStatement(const PreparedStatement&) = delete;
  PreparedStatement& operator=(const PreparedStatement&) = delete;

 protected:
  explicit PreparedStatement(soci::session& sql) : statement_(sql) {}
  ~PreparedStatement() = default;

  // Call at the end of the constructor, when all buffers are exchanged. Throws soci::soci_error, also when the
  // statement returns another number of columns than `columns`: SOCI itself would read past the row.
  void prepare(const std::string& text, int columns);
  // Before prepare(); the parameters must live as long as the statement.
  void use(RowParameters& parameters);

  soci::statement statement_;
};

// Database time, microseconds.
class ClockStatement : public PreparedStatement {
 public:
  ClockStatement(soci::session& sql, const std::string& text);
  long long execute();

 private:
  long long now_us_ = 0;
};

class StateStatement : public PreparedStatement {
 public:
  static constexpr std::size_t kTexts = 8;  // six system fields in the order of proto::SystemField, then the two lists

  StateStatement(soci::session& sql, const std::string& text);

  // Returns whether there is a row.
  bool execute(const std::string& device);

  const long long* recorded_at_us() const { return time_set_ == soci::i_ok ? &time_ : nullptr; }
  std::string* text(std::size_t column) { return set_[column] == soci::i_ok ? &text_[column] : nullptr; }

 private:
  std::string device_;
  long long time_ = 0;
  soci::indicator time_set_ = soci::i_null;
  std::array<std::string, kTexts> text_;
  std::array<soci::indicator, kTexts> set_{};
};

// What rows are asked for with; a statement takes of these what it names.
struct RowParameters {
  std::string device, from = {}, to = {}, after = {}, buckets = {};
};

// How many rows a range has.
class CountStatement : public PreparedStatement {
 public:
  CountStatement(soci::session& sql, const std::string& text);
  long long execute(RowParameters parameters);

 private:
  RowParameters parameters_;
  long long count_ = 0;
};

// Rows of device_metrics, taken in portions: begin() and then next() until it returns false. Texts stand in the order
// of the statement's columns, which are a time and then `texts` texts.
class RowsStatement : public PreparedStatement {
 public:
  // `portion`: rows that are in SOCI's buffers at a time; the rest waits in libpq's.
  RowsStatement(soci::session& sql, const std::string& text, std::size_t texts, std::size_t portion);

  // Both return whether there are rows in the buffers.
  bool begin(RowParameters parameters);
  bool next() { return statement_.fetch(); }
  // Frees the rows that the server sent, which SOCI would keep until the next execution: some megabytes.
  void end();

  std::size_t size() const { return time_.size(); }
  // nullptr: NULL.
  const long long* recorded_at_us(std::size_t row) const {
    return time_set_[row] == soci::i_ok ? &time_[row] : nullptr;
  }
  std::string* text(std::size_t column, std::size_t row) {
    return set_[column][row] == soci::i_ok ? &text_[column][row] : nullptr;
  }

 private:
  const std::size_t portion_;
  RowParameters parameters_;
  std::vector<long long> time_;
  std::vector<soci::indicator> time_set_;
  std::vector<std::vector<std::string>> text_;
  std::vector<std::vector<soci::indicator>> set_;
};

// Requests are served by a few statements only: the number of rows is part of the text, see with_points().
inline constexpr std::size_t kMostWindowRows = 2000;
std::size_t window_rows(std::size_t points) noexcept;

}  // namespace pulsegate::storage
