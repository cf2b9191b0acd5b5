// Recordings as files: whatever happens to one, what was sound is read, and the rest is named.
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bus/recording_reader.hpp"
#include "bus/recording_writer.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

using namespace pulsegate;
using namespace pulsegate::bus;
using test::eventually;
using test::Millis;
using test::TempDir;
using namespace std::string_literals;
using proto::Timestamp;

namespace {

const std::vector<std::string> kEndings = {".ndjson", ".ndjson.gz", ".ndjson.zst"};

Timestamp at(int number) {
  return Timestamp(std::chrono::seconds(1'795'356'300) + std::chrono::microseconds(number));
}

std::string payload(int number) {
  return R"({"deviceUuid":"3f1e","metrics":{"cpu_usage":)" + std::to_string(number % 100) + R"(},"n":)" +
         std::to_string(number) + "}";
}

RecordingWriterConfig to(const std::string& path) {
  RecordingWriterConfig config;
  config.path = path;
  config.source = "redis://here";
  config.flush_interval = Millis(20);
  return config;
}

void write(RecordingWriter& writer, int begin, int end) {
  for (int i = begin; i < end; ++i) writer.event(at(i), "device:1:metrics", payload(i));
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void put(const std::string& path, std::string_view text) {
  std::filesystem::remove(path);  // some file systems write a file to disk at once that is cut and written anew
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// What a reader gets: the numbers of the events in order, and everything else in words.
struct Read {
  std::vector<int> numbers;
  std::vector<std::string> faults;
  std::vector<std::string> losses;
  int headers = 0;
  bool torn = false;

  explicit Read(std::vector<std::string> paths) {
    RecordingReader reader(std::move(paths));
    while (const auto item = reader.next()) {
      if (const auto* event = std::get_if<proto::RecordedEvent>(&item->line)) {
        const auto begin = event->payload.find(R"("n":)");
        numbers.push_back(
            begin == std::string::npos ? -1 : std::atoi(std::string(event->payload.substr(begin + 4)).c_str()));
      } else if (const auto* loss = std::get_if<proto::RecordedLoss>(&item->line)) {
        losses.push_back(loss->reason + " " + std::to_string(loss->events));
      } else if (const auto* fault = std::get_if<proto::RecordingFault>(&item->line)) {
        faults.push_back(fault->reason);
        torn = torn || item->torn;
      } else {
        ++headers;
      }
    }
    BOOST_TEST(reader.progress() <= 1.0);
  }
  bool counts_from(int first) const {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (numbers[i] != first + static_cast<int>(i)) return false;
    return true;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(RecordingFiles)

BOOST_AUTO_TEST_CASE(what_was_written_is_read_in_order_however_it_is_packed) {
  const TempDir dir;
  for (const std::string& ending : kEndings) {
    const std::string path = dir.file("rec" + ending);
    RecordingWriter writer(to(path));
    write(writer, 0, 5'000);
    writer.loss({at(5'000), at(4'000), "bus", 0});
    write(writer, 5'000, 10'000);
    BOOST_TEST(writer.close() == "");
    BOOST_TEST(writer.counters().events == 10'000u);
    BOOST_TEST(writer.counters().file_bytes == std::filesystem::file_size(path));
    BOOST_TEST((ending == ".ndjson" || std::filesystem::file_size(path) < writer.counters().bytes / 4));
    const Read read({path});
    BOOST_TEST(read.numbers.size() == 10'000u);
    BOOST_TEST(read.counts_from(0));
    BOOST_TEST(read.headers == 1);
    BOOST_TEST(read.losses == std::vector<std::string>{"bus 0"}, boost::test_tools::per_element());
    BOOST_TEST(read.faults.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_grows_can_be_read_up_to_the_last_flush) {
  const TempDir dir;
  for (const std::string& ending : kEndings) {
    const std::string path = dir.file("rec" + ending);
    RecordingWriter writer(to(path));
    write(writer, 0, 100);
    const std::string copy = dir.file("copy" + ending);
    BOOST_TEST(eventually([&] {
      put(copy, text_of(path));
      return Read({copy}).numbers.size() == 100u;
    }));
  }
}

BOOST_AUTO_TEST_CASE(cut_anywhere_it_is_read_up_to_there_and_says_so) {
  const TempDir dir;
  for (const std::string& ending : kEndings) {
    const std::string path = dir.file("rec" + ending);
    {
      RecordingWriter writer(to(path));
      for (int i = 0; i < 6; ++i) {
        write(writer, i * 5, i * 5 + 5);
        test::pause_for(Millis(25));  // flushes lie between
      }
    }
    const std::string whole = text_of(path);
    std::size_t most = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      put(path, whole.substr(0, size));
      const Read read({path});
      BOOST_TEST(read.counts_from(0));
      BOOST_TEST(read.numbers.size() >= most);  // never fewer of a longer piece
      most = read.numbers.size();
      const bool at_a_line = size == 0 || (ending == ".ndjson" && (whole[size - 1] == '\n' || whole[size] == '\n'));
      BOOST_TEST(read.faults.empty() == at_a_line, size);
    }
    BOOST_TEST(most >= 25u, ending);
  }
}

BOOST_AUTO_TEST_CASE(flipped_bits_never_hurt_and_lines_around_them_are_read) {
  const TempDir dir;
  for (const std::string& ending : kEndings) {
    const std::string path = dir.file("rec" + ending);
    {
      RecordingWriter writer(to(path));
      write(writer, 0, 20);
    }
    const std::string whole = text_of(path);
    for (std::size_t byte = 0; byte < whole.size(); ++byte)
      for (const int bit : {0, 3, 7}) {
        std::string flipped = whole;
        flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
        put(path, flipped);
        const Read read({path});
        // Of a plain file one line is hurt, or two that have become one, or one that has become two.
        if (ending == ".ndjson") BOOST_TEST(read.numbers.size() + 2 >= 20u);
      }
  }
}

BOOST_AUTO_TEST_CASE(a_torn_last_line_is_told_and_what_is_appended_stands_on_its_own) {
  const TempDir dir;
  const std::string path = dir.file("rec.ndjson");
  {
    RecordingWriter writer(to(path));
    write(writer, 0, 3);
  }
  const std::string whole = text_of(path);
  put(path, whole.substr(0, whole.size() - 10));
  const Read torn({path});
  BOOST_TEST(torn.numbers.size() == 2u);
  BOOST_TEST(torn.torn);
  BOOST_REQUIRE(torn.faults.size() == 1u);
  BOOST_TEST(torn.faults[0] == "has no end: whoever wrote it was stopped");
  {
    RecordingWriterConfig config = to(path);
    config.append = true;
    RecordingWriter writer(config);
    write(writer, 10, 12);
  }
  const Read joined({path});
  BOOST_TEST(joined.numbers == (std::vector<int>{0, 1, 10, 11}), boost::test_tools::per_element());
  BOOST_TEST(joined.headers == 2);
  BOOST_TEST(joined.faults == std::vector<std::string>{"is not valid JSON"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(several_files_and_joined_ones_are_one_recording) {
  const TempDir dir;
  for (const std::string& ending : kEndings) {
    std::vector<std::string> paths;
    std::string joined;
    for (int i = 0; i < 3; ++i) {
      paths.push_back(dir.file(std::to_string(i) + ending));
      RecordingWriter writer(to(paths.back()));
      write(writer, i * 10, i * 10 + 10);
      writer.close();
      joined += text_of(paths.back());
    }
    const std::string all = dir.file("all" + ending);
    put(all, joined);
    for (const Read& read : {Read(paths), Read({all})}) {
      BOOST_TEST(read.numbers.size() == 30u);
      BOOST_TEST(read.counts_from(0));
      BOOST_TEST(read.faults.empty());
    }
    put(paths[1], text_of(paths[1]).substr(0, 30));
    const Read damaged(paths);
    BOOST_TEST(damaged.numbers.size() >= 20u);
    BOOST_TEST(damaged.numbers.back() == 29);
    BOOST_TEST(damaged.faults.size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(files_are_rotated_by_size_and_old_ones_go) {
  const TempDir dir;
  RecordingWriterConfig config = to(dir.file("rec.ndjson"));
  config.rotate_bytes = 100'000;
  config.keep = 3;
  RecordingWriter writer(config);
  for (int i = 0; i < 20; ++i) {
    write(writer, i * 500, i * 500 + 500);
    const auto written = writer.counters().bytes;
    BOOST_REQUIRE(eventually([&] { return writer.counters().file_bytes + 20'000 > written; }));
  }
  BOOST_TEST(writer.close() == "");
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) files.push_back(entry.path().string());
  BOOST_TEST(files.size() == 3u);
  BOOST_TEST(writer.counters().files > 5u);
  BOOST_TEST(!std::filesystem::exists(config.path));
  for (const std::string& file : files) {
    BOOST_TEST(std::filesystem::file_size(file) < 200'000u);
    const Read read({file});
    BOOST_TEST(read.faults.empty());
    BOOST_TEST(read.headers == 1);
    BOOST_REQUIRE(!read.numbers.empty());
    BOOST_TEST(read.counts_from(read.numbers.front()));
  }
}

BOOST_AUTO_TEST_CASE(files_are_rotated_by_time) {
  const TempDir dir;
  RecordingWriterConfig config = to(dir.file("rec.ndjson.gz"));
  config.rotate_after = Millis(30);
  RecordingWriter writer(config);
  int next = 0;
  BOOST_TEST(eventually([&] {
    write(writer, next, next + 1);
    ++next;
    return writer.counters().files >= 3;
  }));
}

BOOST_AUTO_TEST_CASE(nothing_that_is_there_is_written_over) {
  const TempDir dir;
  const std::string path = dir.write("rec.ndjson", "mine\n");
  const auto says = [&](const RecordingWriterConfig& config, const std::string& part) {
    BOOST_CHECK_EXCEPTION(RecordingWriter{config}, std::runtime_error, [&](const std::runtime_error& error) {
      return std::string(error.what()).find(part) != std::string::npos;
    });
  };
  says(to(path), "cannot be written: File exists");
  says(to(dir.file("none/rec.ndjson")), "No such file or directory");
  RecordingWriterConfig packed = to(dir.file("rec.gz"));
  packed.append = true;
  says(packed, "cannot be appended to");
  BOOST_TEST(text_of(path) == "mine\n");
  BOOST_CHECK_EXCEPTION(RecordingReader({dir.file("absent")}), std::runtime_error, [](const std::runtime_error& error) {
    return std::string(error.what()).find("cannot be opened: No such file") != std::string::npos;
  });
  BOOST_CHECK_THROW(RecordingReader({dir.path().string()}), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_told_and_what_was_written_is_sound) {
  const TempDir dir;
  BOOST_TEST(RecordingWriter(to("/dev/null")).close() == "");
  for (const std::string& ending : kEndings) {
    const std::string path = dir.file("rec" + ending);
    RecordingWriter writer(to(path));
    write(writer, 0, 1'000);
    // All of them, since what is under way when the disk is full counts for nothing.
    BOOST_REQUIRE(eventually([&] { return Read({path}).numbers.size() == 1'000; }));
    struct rlimit before {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const struct rlimit few { std::filesystem::file_size(path) + 700, before.rlim_max };
    ::setrlimit(RLIMIT_FSIZE, &few);
    int next = 1'000;
    const bool stopped = eventually([&] {
      write(writer, next, next + 100);
      next += 100;
      return !writer.error().empty();
    });
    ::setrlimit(RLIMIT_FSIZE, &before);
    BOOST_TEST(stopped);
    BOOST_TEST(writer.close().find("cannot be written further: File too large") != std::string::npos, writer.error());
    BOOST_TEST(!writer.reader_gone());
    const Read read({path});
    BOOST_TEST(read.numbers.size() >= 1'000u);
    BOOST_TEST(read.counts_from(0));
    BOOST_TEST(read.faults.empty() == (ending == ".ndjson"));  // packed data have an end, which this has not
  }
}

BOOST_AUTO_TEST_CASE(a_slow_disk_costs_events_that_are_counted_and_named_and_no_memory) {
  const TempDir dir;
  const std::string path = dir.file("pipe");
  BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  RecordingWriterConfig config = to(path);
  config.queue_limit = 100'000;
  RecordingWriter writer(config);
  write(writer, 0, 10'000);  // more than pipe and queue hold
  BOOST_TEST(writer.counters().lost > 0u);
  std::string text;
  const auto drain = [&] {
    char block[65'536];
    for (ssize_t count; (count = ::read(reader, block, sizeof block)) > 0;)
      text.append(block, static_cast<std::size_t>(count));
  };
  BOOST_REQUIRE(eventually([&] {
    drain();
    return writer.counters().file_bytes > text.size() / 2;
  }));
  BOOST_REQUIRE(eventually([&] {
    drain();
    const auto lost = writer.counters().lost;
    write(writer, 10'000, 10'001);
    return writer.counters().lost == lost;
  }));
  std::thread closing([&] { BOOST_TEST(writer.close() == ""); });
  eventually([&] {
    drain();
    return text.find("\"queue\"") != std::string::npos && text.find("\"n\":10000}") != std::string::npos;
  });
  closing.join();
  drain();
  ::close(reader);
  put(dir.file("copy"), text);
  const Read read({dir.file("copy")});
  BOOST_TEST(read.faults.empty());
  BOOST_REQUIRE(!read.losses.empty());
  std::uint64_t named = 0;
  for (const std::string& loss : read.losses) {
    BOOST_TEST(loss.substr(0, 6) == "queue ");
    named += static_cast<std::uint64_t>(std::atol(loss.c_str() + 6));
  }
  BOOST_TEST(named == writer.counters().lost);
  BOOST_TEST(read.numbers.size() == writer.counters().events);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_nobody_reads_any_more_ends_it) {
  const TempDir dir;
  const std::string path = dir.file("pipe");
  BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  RecordingWriter writer(to(path));
  ::close(reader);
  BOOST_TEST(eventually([&] {
    write(writer, 0, 1);
    return writer.reader_gone();
  }));
}

BOOST_AUTO_TEST_CASE(lines_that_are_too_long_are_passed_over) {
  const TempDir dir;
  const std::string path = dir.file("rec.ndjson");
  std::string text = R"({"t":5,"channel":"c","payload":{"n":1}})"s + "\r\n\n";
  text += R"({"t":5,"channel":"c","payload":")" + std::string(RecordingReader::kMaxLine, 'x') + "\"}\n";
  text += R"({"t":5,"channel":"c","payload":{"n":2}})";
  put(path, text);
  const Read read({path});
  BOOST_TEST(read.numbers == (std::vector<int>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(read.faults == std::vector<std::string>{"is longer than 64 MiB"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(little_that_becomes_very_much_is_given_in_pieces) {
  const TempDir dir;
  for (const char* ending : {".gz", ".zst"}) {
    const std::string path = dir.file("bomb"s + ending);
    {
      const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
      PackedWriter writer(fd, packing_of(path));
      const std::string zeros(1'000'000, '0');
      for (int i = 0; i < 300; ++i) writer.write(zeros);
      writer.finish();
      ::close(fd);
    }
    const int fd = ::open(path.c_str(), O_RDONLY);
    PackedReader reader(fd, path);
    std::string out;
    std::uint64_t total = 0;
    while (reader.read(out)) {
      BOOST_REQUIRE(out.size() <= 128 * 1024u);
      total += out.size();
      out.clear();
    }
    ::close(fd);
    BOOST_TEST(total == 300'000'000u);
    BOOST_TEST(reader.fault() == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()
