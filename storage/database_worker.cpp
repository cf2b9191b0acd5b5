// See database_worker.hpp. A thread holds a read only while it is connected: one whose connection broke goes back to
// the queue, where another thread may take it, and where it is answered should the database stay away.
#include "storage/database_worker.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How soon an idle thread notices that the server has closed its connection.
constexpr milliseconds kIdleCheck{1000};

}  // namespace

void DatabaseWorker::run() {
  while (!state_.stopping()) {
    if (!reader_) {
      connect();
    } else if (!reader_->alive()) {
      drop_connection("the server has closed the connection");
    } else if (auto read = state_.take(steady_clock::now() + kIdleCheck)) {
      serve(std::move(*read));
    }
  }
}

void DatabaseWorker::connect() {
  if (backoff_.count() > 0 && !state_.wait_before_connecting(jittered(backoff_))) return;
  try {
    reader_ = std::make_unique<SnapshotReader>(config_.reader);
    backoff_ = milliseconds(0);
    state_.connected(index_, std::exchange(was_connected_, true));
  } catch (const std::exception& error) {
    backoff_ = std::clamp(backoff_ * 2, config_.backoff_least, config_.backoff_most);
    state_.refused(index_, error.what());
  }
}

void DatabaseWorker::serve(PendingRead read) {
  if (!reader_->alive()) {
    drop_connection("the server has closed the connection");
    state_.give_back(std::move(read));  // not an attempt: nothing was sent
    return;
  }
  ReadResult result;
  bool lost = false, may_retry = false;
  state_.begin_read(index_, reader_->socket());
  try {
    result = reader_->read(read.request);
  } catch (const ConnectionLost& error) {
    lost = may_retry = true;
    result = {SnapshotError::unavailable, error.what(), nullptr, nullptr};
  } catch (const ReadFailed& error) {
    result = {error.error, error.what(), nullptr, nullptr};
  } catch (const std::exception& error) {  // out of memory, or a fault of ours: the session's state is unknown
    lost = true;
    result = {SnapshotError::failed, error.what(), nullptr, nullptr};
  }
  // From here on nobody else touches the socket, so that it may be closed.
  const SourceState::Cut cut = state_.end_read(index_);
  if (lost || cut != SourceState::Cut::no) {
    if (cut == SourceState::Cut::too_slow)
      result = {SnapshotError::timed_out, "the database did not answer in time", nullptr, nullptr};
    if (cut == SourceState::Cut::stopping)
      result = {SnapshotError::unavailable, "the gateway is stopping", nullptr, nullptr};
    drop_connection(result.detail);
  }
  if (may_retry && cut == SourceState::Cut::no && !read.retried) {
    read.retried = true;
    state_.give_back(std::move(read));
    return;
  }
  if (result.error == SnapshotError::none) {
    state_.statements_work();
  } else if (!lost) {
    state_.statements_fail(result.detail);
  }
  state_.answer(std::move(read), std::move(result));
}

void DatabaseWorker::drop_connection(const std::string& reason) {
  reader_.reset();
  state_.lost(index_, reason);
}

milliseconds DatabaseWorker::jittered(milliseconds wait) {
  std::uniform_real_distribution<double> factor(0.75, 1.25);
  return std::chrono::duration_cast<milliseconds>(wait * factor(random_));
}

}  // namespace pulsegate::storage
