// For a build without the dashboard page.
#include "gateway/web/embedded.hpp"

namespace pulsegate::web {

const Page* embedded_page() {
  return nullptr;
}

}  // namespace pulsegate::web
