// Error replies of Redis in the words of an operator: what it means and what to change.
#pragma once

#include <string>
#include <string_view>

namespace pulsegate::bus {

// `reply`: the text after the '-', for instance "WRONGPASS invalid username-password pair". One sentence for logs,
// printable and bounded, whatever the reply holds.
std::string explain_redis_error(std::string_view reply);

// The same for the answer to EXISTS or XRANGE. `key_rule`: what an ACL needs to name the keys, as stream_key_rule().
// The same for an answer to PUBLISH.
std::string explain_publish_error(std::string_view reply);

std::string explain_stream_error(std::string_view reply, std::string_view key_rule);

}  // namespace pulsegate::bus
