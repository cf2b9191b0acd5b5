// A plain HTTP request that its connection is answering.
#pragma once

#include <cstddef>
#include <memory>

#include "gateway/access/admission.hpp"
#include "gateway/frame.hpp"
#include "gateway/ws/http_answerer.hpp"

namespace pulsegate::ws {

// Owner: the connection, from the request to its own end.
struct PlainRequest {
  access::Route route;
  std::unique_ptr<PendingAnswer> pending;  // null once the answer was given
  std::size_t body = 0;                    // bytes of the answer, counted in EndpointCounters::answer_bytes
  FramePtr file;                           // of the page: the body, which goes out behind what the library writes
};

}  // namespace pulsegate::ws
