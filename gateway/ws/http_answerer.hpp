// The seam between a plain HTTP request and whoever knows the answer, as LinkFactory is for WebSockets: the connection
// knows nothing of devices, and the answer nothing of HTTP's ways.
#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "gateway/access/admission.hpp"
#include "gateway/clock.hpp"
#include "gateway/ws/http_answer.hpp"

namespace pulsegate::ws {

// An answer that is being made. Destroyed once nobody waits for it any more: the client is gone, or was told that it
// takes too long. Thread: its shard. Owner: the connection.
class PendingAnswer {
 public:
  virtual ~PendingAnswer() = default;
};

// Thread: its shard.
class HttpAnswerer {
 public:
  // At most once, on the shard's thread. May destroy the PendingAnswer.
  using Done = std::function<void(HttpAnswer)>;
  using Answer = std::variant<HttpAnswer, std::unique_ptr<PendingAnswer>>;

  virtual ~HttpAnswerer() = default;
  // `request`: accepted, of a plain route. Either the answer, or what makes it (never null), and then calls `done`:
  // neither before this returns, nor once it was destroyed.
  virtual Answer on_get(const access::Admission& request, const Now& now, Done done) = 0;
};

}  // namespace pulsegate::ws
