// The checks of `pulsegate doctor`, by what they ask. Each adds its findings, and throws nothing but for want of
// memory.
#pragma once

#include <chrono>
#include <optional>

#include "gateway/config.hpp"
#include "gateway/ops/doctor.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::commands {

struct DoctorOptions {
  std::optional<proto::DeviceId> device;        // also look at this one
  std::chrono::milliseconds listen_for{5'000};  // … and for so long at what Redis publishes of it
  bool json = false;
};

// Descriptors, memory, ports, files of tokens.
void examine_machine(const Config& config, ops::DoctorReport& report);
// Connection, rights, clock, buffers; with a device: its stream, and what is published.
void examine_redis(const Config& config, const DoctorOptions& options, ops::DoctorReport& report);
// Connection, the statements with their tables, columns and rights, index, clock; with a device: its newest row.
void examine_database(const Config& config, const DoctorOptions& options, ops::DoctorReport& report);

}  // namespace pulsegate::commands
