// See postgres_server.hpp.
#include "tests/support/postgres_server.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "tests/support/free_port.hpp"

namespace pulsegate::test {
namespace {

namespace fs = std::filesystem;

std::optional<Account> server_account() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = ::getpwnam(name)) return Account{entry->pw_uid, entry->pw_gid};
  }
  throw std::runtime_error("PostgreSQL does not run as root, and there is no account postgres or nobody");
}

TempDir make_dir(const std::optional<Account>& account) {
  return account ? TempDir(*account) : TempDir();
}

ChildOptions server_program(const std::string& program, const std::optional<Account>& account) {
  ChildOptions child;
  child.program = program;
  child.run_as = account;
  child.working_dir = "/";  // the test's own may be closed to the server's account
  child.environment = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}};
  return child;
}

void run_or_throw(ChildOptions child) {
  const std::string program = child.program;
  const RunResult result = run_program(std::move(child), Millis(120'000));
  if (result.exit_code != 0) throw std::runtime_error(program + " failed:\n" + result.output + result.errors);
}

bool owned_by(const fs::path& path, uid_t uid) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == uid;
}

// initdb takes seconds and its result is always the same, so it is made once per machine and copied. It is moved into
// place when complete: of two test runs at once, one wins, and both find it whole.
fs::path data_template(const std::string& bin_dir, const std::optional<Account>& account) {
  const uid_t uid = account ? account->uid : ::geteuid();
  const std::string major = fs::path(bin_dir).parent_path().filename();
  // The last number changes with the arguments below.
  const fs::path cached = temp_root() / ("pulsegate-test-postgres-" + major + "-" + std::to_string(uid) + "-1");
  if (owned_by(cached, uid)) return cached;

  const TempDir dir = make_dir(account);
  ChildOptions initdb = server_program(bin_dir + "/initdb", account);
  initdb.args = {"-D",
                 dir.file("data"),
                 "-U",
                 "postgres",
                 "--auth=trust",
                 "--no-sync",
                 "--encoding=UTF8",
                 "--locale=C.UTF-8",
                 "--wal-segsize=1"};
  run_or_throw(std::move(initdb));
  std::error_code error;
  fs::rename(dir.file("data"), cached, error);
  if (!owned_by(cached, uid)) throw std::runtime_error("cannot keep " + cached.string() + ": " + error.message());
  return cached;
}

// One "name = 'value'" line of postgresql.conf.
std::string setting(const std::string& name, const std::string& value) {
  std::string quoted;
  for (const char c : value) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return name + " = '" + quoted + "'\n";
}

}  // namespace

std::string postgres_bin_dir() {
  if (const char* set = std::getenv("PULSEGATE_POSTGRES_BIN")) return set;
  int newest = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest && fs::exists(entry.path() / "bin/postgres")) newest = version;
  }
  if (newest == 0) throw std::runtime_error("no PostgreSQL server in /usr/lib/postgresql; set PULSEGATE_POSTGRES_BIN");
  return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
}

PostgresServer::PostgresServer(PostgresOptions options)
    : options_(std::move(options)), bin_dir_(postgres_bin_dir()), account_(server_account()), dir_(make_dir(account_)) {
  ChildOptions copy = server_program("cp", account_);
  copy.args = {"-a", "--reflink=auto", data_template(bin_dir_, account_).string(), dir_.file("data")};
  run_or_throw(std::move(copy));

  std::string config = setting("listen_addresses", "127.0.0.1") + setting("unix_socket_directories", socket_dir()) +
                       setting("max_connections", std::to_string(options_.max_connections));
  // Speed over safety; and nothing that wakes up by itself and disturbs a measurement.
  for (const char* off : {"fsync", "synchronous_commit", "full_page_writes", "autovacuum", "logging_collector"}) {
    config += setting(off, "off");
  }
  config += setting("shared_buffers", "32MB") + setting("dynamic_shared_memory_type", "mmap") +
            setting("log_line_prefix", "%m [%p] ") + setting("timezone", "UTC") + setting("log_timezone", "UTC");
  for (const auto& [name, value] : options_.settings) config += setting(name, value);
  dir_.write("test.conf", config);
  if (!options_.access.empty()) dir_.write("data/pg_hba.conf", options_.access);
}

PostgresServer::~PostgresServer() {
  stop();
}

bool PostgresServer::try_start(std::uint16_t port, Millis deadline) {
  ChildOptions child = server_program(bin_dir_ + "/postgres", account_);
  child.args = {"-D", dir_.file("data"),
                "-c", "config_file=" + dir_.file("test.conf"),
                "-c", "hba_file=" + dir_.file("data/pg_hba.conf"),
                "-c", "ident_file=" + dir_.file("data/pg_ident.conf"),
                "-p", std::to_string(port)};
  child.output_file = dir_.file("postgres.log");
  child.death_signal = SIGQUIT;  // SIGKILL would leave its shared memory and its sessions behind

  const std::size_t from = log().size();
  process_ = std::make_unique<ChildProcess>(std::move(child));
  // The server's own word counts: somebody else's server may have won the race for the port.
  if (process_->wait_for_output("database system is ready to accept connections", deadline, from)) return true;
  const std::string said = log().substr(from);
  process_.reset();
  if (said.find("Address already in use") != std::string::npos) return false;
  throw std::runtime_error("PostgreSQL did not start:\n" + said);
}

PostgresServer& PostgresServer::start() {
  if (running()) return *this;
  client_.reset();
  if (port_ == 0) {
    port_ = with_free_port([this](std::uint16_t port) { return try_start(port, kServerDeadline); });
  } else if (!eventually([this] { return try_start(port_, kServerDeadline); }, kDeadline, Millis(100))) {
    throw std::runtime_error("the port of PostgreSQL was taken while it was down: " + std::to_string(port_));
  }
  return *this;
}

void PostgresServer::stop() {
  client_.reset();
  if (running()) {
    resume();
    // SIGTERM would wait until every session has ended by itself.
    process_->signal(SIGINT);
    process_->wait(kServerDeadline);
  }
  process_.reset();
}

void PostgresServer::kill() {
  client_.reset();
  if (running()) {
    resume();
    process_->signal(SIGQUIT);
    process_->wait(kServerDeadline);
  }
  process_.reset();
}

void PostgresServer::pause() {
  if (!process_ || !process_->signal(SIGSTOP)) throw std::runtime_error("PostgreSQL does not run");
  // The server first: stopped, it does not start sessions that would be missed here.
  for (const pid_t session : children_of(process_->pid())) ::kill(session, SIGSTOP);
}

void PostgresServer::resume() {
  if (!process_ || !process_->signal(SIGCONT)) throw std::runtime_error("PostgreSQL does not run");
  for (const pid_t session : children_of(process_->pid())) ::kill(session, SIGCONT);
}

std::string PostgresServer::connection_string(const std::string& database) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=" + database + " user=postgres";
}

std::string PostgresServer::log() const {
  return read_file(dir_.file("postgres.log"));
}

PostgresClient& PostgresServer::client() {
  if (!client_) client_ = std::make_unique<PostgresClient>(connection_string());
  return *client_;
}

SqlRows PostgresServer::exec(const std::string& sql) {
  return client().exec(sql);
}
SqlRows PostgresServer::exec(const std::string& sql, const std::vector<SqlValue>& parameters) {
  return client().exec(sql, parameters);
}
std::string PostgresServer::value(const std::string& sql) {
  return client().value(sql);
}

std::string PostgresServer::create_database(const std::string& name) {
  exec("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
  exec("CREATE DATABASE \"" + name + "\"");
  return connection_string(name);
}

}  // namespace pulsegate::test
