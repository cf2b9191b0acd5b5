// The version of this build: CMake passes the project's, as PULSEGATE_VERSION.
#pragma once

namespace pulsegate {

#ifdef PULSEGATE_VERSION
inline constexpr const char* kVersion = PULSEGATE_VERSION;
#else
inline constexpr const char* kVersion = "unknown";
#endif

}  // namespace pulsegate
