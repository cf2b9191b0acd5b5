// EVP_DecodeBlock() ignores white space at both ends and accepts bits beyond the last byte, so the text is checked by
// encoding it again.
#include "proto/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>

namespace pulsegate::proto {
namespace {

// Of whole groups of three bytes, so that the pieces can be joined; OpenSSL counts in int.
constexpr std::size_t kPiece = 3 * 1024 * 1024;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const std::string_view piece = bytes.substr(at, kPiece);
    const std::size_t begin = out.size();
    out.resize(begin + (piece.size() + 2) / 3 * 4 + 1);  // OpenSSL adds a zero byte
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&out[begin]), bytes_of(piece), static_cast<int>(piece.size()));
    out.pop_back();
  }
}

bool decode_base64(std::string& out, std::string_view text) {
  if (text.size() % 4 != 0) return false;
  const std::size_t begin = out.size();
  const auto padding = static_cast<std::size_t>(std::count(text.begin(), text.end(), '='));
  if (padding > 2) return false;
  for (std::size_t at = 0; at < text.size(); at += kPiece / 3 * 4) {
    const std::string_view piece = text.substr(at, kPiece / 3 * 4);
    const std::size_t end = out.size();
    out.resize(end + piece.size() / 4 * 3);
    if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(&out[end]), bytes_of(piece), static_cast<int>(piece.size())) !=
        static_cast<int>(piece.size() / 4 * 3)) {
      out.resize(begin);
      return false;
    }
  }
  out.resize(out.size() - padding);
  std::string again;
  append_base64(again, std::string_view(out).substr(begin));
  if (again == text) return true;
  out.resize(begin);
  return false;
}

}  // namespace pulsegate::proto
