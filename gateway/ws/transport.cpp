// The bytes of one connection: reads for websocketpp, writes from the outbox, and an end that loses nothing that was
// sent.
#include "gateway/ws/transport.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/error.hpp>

namespace pulsegate::ws {
namespace {

constexpr std::size_t kPiecesPerWrite = 64;  // iovecs of one sendmsg()
constexpr int kDiscardsPerTurn = 16;         // reads of a lingering socket before others get their turn

// What the kernel took, or -1 with errno. Never blocks, never raises SIGPIPE.
ssize_t send_pieces(int socket, iovec* pieces, std::size_t count) noexcept {
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  ssize_t taken = 0;
  do {
    taken = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (taken < 0 && errno == EINTR);
  return taken;
}

}  // namespace

void Transport::attach(asio::ip::tcp::socket socket, const OutboxLimits& limits, EndpointCounters& counters,
                       const Clock& clock) {
  socket_.emplace(std::move(socket));
  outbox_ = Outbox(limits);
  counters_ = &counters;
  clock_ = &clock;
  stage_ = Stage::live;
}

std::error_code Transport::dispatch(const websocketpp::transport::dispatch_handler& handler) {
  handler();
  return {};
}

void Transport::async_read_at_least(std::size_t, char* buffer, std::size_t size,
                                    websocketpp::transport::read_handler handler) {
  // websocketpp asks for at least one byte everywhere; more is never needed.
  if (stage_ != Stage::live) return;
  reading_ = true;
  socket_->async_read_some(asio::buffer(buffer, size),
                           [this, self = shared_from_this(), handler = std::move(handler)](
                               const std::error_code& error, std::size_t bytes) { on_read(handler, error, bytes); });
}

void Transport::on_read(const websocketpp::transport::read_handler& handler, const std::error_code& error,
                        std::size_t bytes) {
  reading_ = false;
  if (stage_ == Stage::closed) return;
  if (stage_ == Stage::lingering) {
    if (error) return finish();
    return linger();
  }
  const SteadyTime now = clock_->now().steady;
  if (bytes > 0) {
    received_anything_ = true;
    counters_->bytes_received += bytes;
    on_received(now);
  }
  if (error) abrupt_ = true;
  try {
    handler(error == asio::error::eof
                ? websocketpp::transport::error::make_error_code(websocketpp::transport::error::eof)
                : error,
            bytes);
    if (stage_ == Stage::live) on_consumed(now);
  } catch (...) {
    give_up(false);
    on_failed();
  }
}

void Transport::async_write(const char* bytes, std::size_t size, websocketpp::transport::write_handler handler) {
  queue_control(Frame::raw({bytes, size}), [handler = std::move(handler)] { handler({}); });
}

void Transport::async_write(const std::vector<websocketpp::transport::buffer>& pieces,
                            websocketpp::transport::write_handler handler) {
  std::string bytes;
  for (const auto& piece : pieces) bytes.append(piece.buf, piece.len);
  async_write(bytes.data(), bytes.size(), std::move(handler));
}

void Transport::queue_control(FramePtr frame, std::function<void()> sent) {
  if (stage_ != Stage::live) return;
  counters_->backlog_bytes += frame->size();
  outbox_.push_control(std::move(frame), std::move(sent));
  ++counters_->frames_sent;
  on_queued();
}

Outbox::Push Transport::queue(FramePtr frame, ConflationKey key) {
  const std::size_t backlog = outbox_.backlog();
  const std::uint64_t conflated = outbox_.conflated();
  const Outbox::Push result = outbox_.push(std::move(frame), key);
  counters_->backlog_bytes += outbox_.backlog() - backlog;  // modulo 2^64 where it shrank
  counters_->conflated += outbox_.conflated() - conflated;
  if (result == Outbox::Push::overflow) return result;
  ++counters_->frames_sent;
  on_queued();
  return result;
}

void Transport::queue_apart(FramePtr frame) {
  counters_->backlog_bytes += frame->size();
  outbox_.push_apart(std::move(frame));
  ++counters_->frames_sent;
  on_queued();
}

void Transport::drop_unsent() noexcept {
  const std::size_t backlog = outbox_.backlog();
  outbox_.drop_unsent();
  counters_->backlog_bytes -= backlog - outbox_.backlog();
}

void Transport::forget_queued(ConflationKey first, ConflationKey last) noexcept {
  const std::size_t backlog = outbox_.backlog();
  outbox_.forget(first, last);
  counters_->backlog_bytes -= backlog - outbox_.backlog();
}

void Transport::write(SteadyTime now) {
  if (!wants_write()) return;
  const ptr self = shared_from_this();  // what runs once bytes are sent may end the connection
  try {
    write_some(now);
    if (stage_ == Stage::live) on_written();
  } catch (...) {
    if (stage_ != Stage::live) return;
    give_up(false);
    on_failed();
  }
}

void Transport::write_some(SteadyTime now) {
  while (stage_ == Stage::live && !outbox_.empty()) {
    std::array<iovec, kPiecesPerWrite> pieces;
    const std::size_t count = outbox_.gather(pieces.data(), pieces.size());
    std::size_t offered = 0;
    for (std::size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;

    const ssize_t result = send_pieces(socket_->native_handle(), pieces.data(), count);
    ++counters_->writes;
    if (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      give_up(false);
      return on_failed();
    }
    const std::size_t taken = result < 0 ? 0 : static_cast<std::size_t>(result);
    counters_->bytes_sent += taken;
    counters_->backlog_bytes -= taken;
    // Before consume(), whose handlers may queue more: until the kernel has room, nothing needs to be flushed.
    if (taken < offered) wait_writable();
    if (taken > 0) last_taken_ = now;
    outbox_.consume(taken, now);
    if (taken < offered) return;
  }
}

void Transport::wait_writable() {
  blocked_ = true;
  socket_->async_wait(asio::ip::tcp::socket::wait_write,
                      [this, self = shared_from_this()](const std::error_code& error) {
                        blocked_ = false;
                        if (!error && stage_ == Stage::live) write(clock_->now().steady);
                      });
}

void Transport::async_shutdown(const websocketpp::transport::shutdown_handler& done) {
  if (stage_ == Stage::live) {
    const ptr self = shared_from_this();
    const bool graceful = !abrupt_ && outbox_.empty();
    stage_ = Stage::lingering;
    on_terminated();
    std::error_code ignored;
    if (graceful) {
      socket_->shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      lingering_since_ = clock_->now().steady;
      if (!reading_) linger();
    } else {
      finish();
    }
  }
  done({});
}

// Closing a socket with unread input makes the kernel send a reset, and a reset makes the peer's kernel throw away what
// it has not read yet: the close frame or the HTTP refusal that explains everything. So input is read and discarded
// until the peer has closed too, or until the close timeout.
void Transport::linger() {
  socket_->async_wait(asio::ip::tcp::socket::wait_read,
                      [this, self = shared_from_this()](const std::error_code& error) {
                        if (stage_ == Stage::closed) return;
                        if (error) return finish();
                        discard();
                      });
}

void Transport::discard() {
  std::array<char, 4096> scratch;
  for (int i = 0; i < kDiscardsPerTurn; ++i) {
    const ssize_t bytes = ::recv(socket_->native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (bytes > 0) continue;
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) break;
    return finish();
  }
  linger();
}

bool Transport::peer_reset() const noexcept {
  pollfd state{};
  state.fd = const_cast<asio::ip::tcp::socket&>(*socket_).native_handle();
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

bool Transport::unacknowledged() const noexcept {
  int bytes = 0;
  return ::ioctl(const_cast<asio::ip::tcp::socket&>(*socket_).native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

void Transport::give_up(bool reset) noexcept {
  abrupt_ = true;
  if (!reset || stage_ == Stage::closed) return;
  std::error_code ignored;
  socket_->set_option(asio::socket_base::linger(true, 0), ignored);
}

void Transport::finish() noexcept {
  if (stage_ == Stage::closed || stage_ == Stage::unattached) return;
  stage_ = Stage::closed;
  counters_->backlog_bytes -= outbox_.backlog();
  outbox_.clear();
  std::error_code ignored;
  socket_->close(ignored);
  on_finished();
}

}  // namespace pulsegate::ws
