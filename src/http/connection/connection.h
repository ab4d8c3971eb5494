#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/access/access_control.h"
#include "http/connection/input_buffer.h"
#include "http/connection/output.h"
#include "http/connection/request_reader.h"
#include "http/connection/transport.h"
#include "http/exchange.h"
#include "http/message/response.h"
#include "http/request_rules.h"
#include "http/server_state.h"

namespace larnax::http {

class IoThread;

/// One client. Its IoThread owns it; who calls it has the turn there.
///
/// Requests are answered one after the other. While one is being answered, reading goes on into
/// the input buffer: to see at once when the client leaves, and for requests sent ahead.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = Transport::Socket;

  Connection(IoThread* owner, Transport transport);
  ~Connection();

  void Start();
  /// Answer 503 and close: there are too many connections.
  void Refuse();
  /// Close when idle, or else after the answer that is under way.
  void Drain();
  /// Close if the client took too long for what it is at.
  void CheckDeadline(int64_t now_ms);
  /// Close at once; in the midst of an answer so that the client sees that it is not whole.
  void Close();

 private:
  using ErrorCode = boost::system::error_code;

  enum class State {
    kReading,      // A request, or waiting for one.
    kAuthorizing,  // The header is read, a password is being checked.
    kAnswering,    // A database or worker thread is at it.
    kWriting,      // Of a streamed answer, also waiting for its next piece.
    kLingering,    // All is written and the sending side shut; the client should close.
    kClosed,
  };

  void StartRead();
  void OnRead(const ErrorCode& error, size_t size);
  void Advance();
  template <typename Act>
  void Guarded(Act act);
  bool ParseSome();
  void BeginRequest();
  bool CheckHead();
  RoutedHead Routed() const { return {head_, route_, *server_}; }
  void RefuseRequest(Response refusal);
  bool Authorize();
  bool ActOn(const AccessDecision& decision);
  void CheckPassword(Role role, AccessDecision decision);
  void OnPasswordChecked(const AccessDecision& decision);
  bool BeginBody();
  bool SendContinue();
  void Dispatch();
  void DispatchWrite(Database* database);
  void OnWriteDone(uint64_t serial, arrow::Result<WriteReport> outcome);
  void DispatchToWorkers(const Route& route, Database* database);
  bool Submit(const Route& route, Database* database);
  void OnAnswered();
  void Respond(Response response);

  void BeginWrite();
  void WriteMore();
  void OnWritten();
  void SendPiece();
  void DrawOn();
  static void Draw(Exchange* exchange, IoThread* owner, const std::weak_ptr<Connection>& weak);
  static void PostOnPiece(IoThread* owner, std::weak_ptr<Connection> weak);
  void OnPiece();
  void RecordRequest();
  void Audit(int status) const;
  void FinishRequest();
  bool IsLost() const;
  bool HoldsUpOthers(int64_t now_ms) const;
  void Linger();
  void SetDeadline(int64_t timeout_ms);

  IoThread* owner_;
  ServerState* server_;
  Transport transport_;
  State state_ = State::kReading;
  int64_t deadline_ms_ = 0;  // 0: none.
  bool draining_ = false;

  InputBuffer input_;
  bool reading_ = false;
  bool input_ended_ = false;
  bool advancing_ = false;

  RequestHead head_;
  std::string body_;
  std::optional<RequestReader> reader_;
  bool head_checked_ = false;
  std::shared_ptr<const AccessRules> rules_;  // As of the request's beginning.
  size_t route_ = 0;
  std::string route_name_;  // The path's variable.
  int64_t request_end_us_ = 0;
  bool counted_in_flight_ = false;
  bool answers_are_quick_ = true;  // As the last one was.
  bool may_run_here_ = false;      // The loop's thread may make the answer.

  uint64_t write_serial_ = 0;  // Of the write that is waited for.
  bool in_ingest_ = false;
  std::optional<arrow::Result<WriteReport>> early_outcome_;
  // Set by other threads: the outcome of a write will not come, since memory ran out.
  const std::shared_ptr<std::atomic<bool>> write_lost_ = std::make_shared<std::atomic<bool>>(false);

  std::shared_ptr<Exchange> exchange_;
  bool streaming_ = false;  // More pieces are to come.
  bool chunked_ = false;

  int status_ = 0;
  bool keep_alive_ = false;
  bool write_pending_ = false;
  Output output_;
  int64_t wait_begin_ms_ = 0;  // Since when it is waited for the client to take more; 0: it is not.
  int64_t waited_ms_ = 0;      // The same before, in this answer.
};

}  // namespace larnax::http
