// Bulk vectors with a statement that is used again are SOCI's fastest way to read rows: about 60 % of the time that a
// rowset<row> takes for 30 of them.
#include "storage/prepared_statements_internal.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <utility>

namespace pulsegate::storage {

void PreparedStatement::prepare(const std::string& text, int columns) {
  statement_.alloc();
  statement_.prepare(text);
  auto& backend = static_cast<soci::postgresql_statement_backend&>(*statement_.get_backend());
  PGresult* described = PQdescribePrepared(backend.session_.conn_, backend.statementName_.c_str());
  const bool known = PQresultStatus(described) == PGRES_COMMAND_OK;
  const int found = PQnfields(described);
  PQclear(described);
  if (known && found != columns) {
    throw soci::soci_error("it returns " + std::to_string(found) + " columns where " + std::to_string(columns) +
                           " are needed");
  }
  statement_.define_and_bind();
}

ClockStatement::ClockStatement(soci::session& sql, const std::string& text) : PreparedStatement(sql) {
  statement_.exchange(soci::into(now_us_));
  prepare(text, 1);
}

long long ClockStatement::execute() {
  if (!statement_.execute(true)) throw soci::soci_error("it returns no row");
  return now_us_;
}

StateStatement::StateStatement(soci::session& sql, const std::string& text) : PreparedStatement(sql) {
  statement_.exchange(soci::into(time_, time_set_));
  for (std::size_t i = 0; i < kTexts; ++i) statement_.exchange(soci::into(text_[i], set_[i]));
  statement_.exchange(soci::use(device_, "device"));
  prepare(text, static_cast<int>(1 + kTexts));
}

bool StateStatement::execute(const std::string& device) {
  device_ = device;
  return statement_.execute(true);
}

void PreparedStatement::use(RowParameters& parameters) {
  statement_.exchange(soci::use(parameters.device, "device"));
  statement_.exchange(soci::use(parameters.from, "from"));
  statement_.exchange(soci::use(parameters.to, "to"));
  statement_.exchange(soci::use(parameters.after, "after"));
  statement_.exchange(soci::use(parameters.buckets, "buckets"));
}

CountStatement::CountStatement(soci::session& sql, const std::string& text) : PreparedStatement(sql) {
  statement_.exchange(soci::into(count_));
  use(parameters_);
  prepare(text, 1);
}

long long CountStatement::execute(RowParameters parameters) {
  parameters_ = std::move(parameters);
  if (!statement_.execute(true)) throw soci::soci_error("it returns no row");
  return count_;
}

RowsStatement::RowsStatement(soci::session& sql, const std::string& text, std::size_t texts, std::size_t portion)
    : PreparedStatement(sql), portion_(portion), time_(portion), time_set_(portion), text_(texts), set_(texts) {
  statement_.exchange(soci::into(time_, time_set_));
  for (std::size_t i = 0; i < texts; ++i) {
    text_[i].resize(portion_);
    set_[i].resize(portion_);
    statement_.exchange(soci::into(text_[i], set_[i]));
  }
  use(parameters_);
  prepare(text, static_cast<int>(1 + texts));
}

bool RowsStatement::begin(RowParameters parameters) {
  parameters_ = std::move(parameters);
  // SOCI shrinks the vectors to what it found, and takes their size as the number of rows wanted.
  time_.resize(portion_);
  time_set_.resize(portion_);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    text_[i].resize(portion_);
    set_[i].resize(portion_);
  }
  return statement_.execute(true);
}

void RowsStatement::end() {
  static_cast<soci::postgresql_statement_backend&>(*statement_.get_backend()).result_.reset();
}

std::size_t window_rows(std::size_t points) noexcept {
  for (const std::size_t rows : {std::size_t{30}, std::size_t{120}, std::size_t{500}})
    if (points <= rows) return rows;
  return kMostWindowRows;
}

}  // namespace pulsegate::storage
