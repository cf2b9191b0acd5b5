// What an endpoint counts, apart from the endpoint itself, so that readers of counters need no Asio.
#pragma once

#include <cstdint>
#include <map>

#include "gateway/access/admission.hpp"
#include "gateway/histogram.hpp"

namespace pulsegate::ws {

// Counters of one endpoint; written by its shard only.
struct EndpointCounters {
  std::uint64_t connections = 0;  // gauge: open WebSockets
  std::uint64_t handshaking = 0;  // gauge: accepted sockets whose handshake is not complete
  std::uint64_t sockets = 0;      // gauge: sockets held in any state, those that wait for the peer's close included
  std::uint64_t opened = 0;
  std::uint64_t handshake_failures = 0;  // timed out or not HTTP
  std::map<int, std::uint64_t> refused;  // by HTTP status, also those told by a close code
  std::uint64_t answering = 0;           // gauge: plain requests whose answer is being made or sent
  std::uint64_t answer_bytes = 0;        // gauge: bodies of answers that are being sent
  // Plain requests, by HTTP status; 0: the client was gone before the answer.
  std::map<int, std::uint64_t> snapshots;
  std::map<int, std::uint64_t> histories;
  std::map<int, std::uint64_t> pages;             // files of the dashboard page
  std::map<std::uint16_t, std::uint64_t> closed;  // by close code (1006: without)
  std::uint64_t sent_away_age = 0;                // told to reconnect since they had reached their age
  std::uint64_t sent_away_drain = 0;              // … during a drain
  std::uint64_t overdue = 0;                      // gauge: older than agreed, waiting to be sent away
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_sent = 0;              // frames pushed into outboxes
  std::uint64_t bytes_sent = 0;               // bytes taken by the kernel
  std::uint64_t writes = 0;                   // sendmsg calls
  std::uint64_t conflated = 0;                // frames dropped for newer ones
  std::uint64_t backlog_bytes = 0;            // gauge: over all outboxes
  std::uint64_t backlog_closed = 0;           // connections closed since the outboxes together held too much
  std::uint64_t compressed_connections = 0;   // gauge: open WebSockets that have agreed to compression
  std::uint64_t compressions = 0;             // frames deflated, each once for all its receivers
  std::uint64_t compressed_frames_sent = 0;   // of frames_sent: in compressed form
  std::uint64_t compression_saved_bytes = 0;  // by which those are shorter
  std::uint64_t compressed_received = 0;      // of messages_received: in compressed form
  std::uint64_t inflated_bytes = 0;           // of those, once inflated
  LagHistogram bus_lag;                       // from an event's own time to the end of the flush that wrote it
  FanoutHistogram fanout;                     // to there from the read of the bus that brought it

  // Requires: a plain route.
  std::map<int, std::uint64_t>& answered(access::Route route) noexcept {
    return route == access::Route::page ? pages : route == access::Route::snapshot ? snapshots : histories;
  }
};

}  // namespace pulsegate::ws
