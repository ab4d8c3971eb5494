#include "http/connection/connection.h"

#include <exception>
#include <utility>

#include <boost/beast/http/error.hpp>

#include "http/connection/io_thread.h"
#include "http/request_rules.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

// Memory that an idle connection keeps for its next body.
constexpr size_t kKeptBodyBytes = 1 << 20;
// What an audit says of a call whose client did not wait for the answer.
constexpr int kClientLeft = 499;

bool IsBodiless(int status) { return status == 204 || status == 304; }

Response NotReady() {
  Response response = TextResponse(503, "Service Unavailable");
  response.headers.emplace_back("X-Prometheus-Stopping", "false");
  return response;
}

Response ParseErrorResponse(const beast::error_code& code) {
  using beast::http::error;
  Response response;
  if (code == error::body_limit) {
    response = TextResponse(413, "request body is too large");
  } else if (code == error::header_limit || code == error::buffer_overflow) {
    response = TextResponse(431, "request header is too large");
  } else if (code == RequestReader::TooManyBytes()) {
    response = TextResponse(503, "too many requests are being received");
  } else {
    response = TextResponse(400, "400 Bad Request: " + code.message());
  }
  response.close = true;
  return response;
}

// Does what something waits for. Where memory runs out, that will not come: says so.
template <typename Act>
void OrLose(std::atomic<bool>* is_lost, Act act) {
  try {
    act();
  } catch (const std::exception&) {
    is_lost->store(true);
  }
}

}  // namespace

Connection::Connection(IoThread* owner, Transport transport)
    : owner_(owner), server_(owner->state()), transport_(std::move(transport)) {}

Connection::~Connection() {
  if (exchange_ != nullptr) exchange_->request.cancelled->store(true);
}

void Connection::SetDeadline(int64_t timeout_ms) {
  deadline_ms_ = timeout_ms == 0 ? 0 : SteadyMs() + timeout_ms;
}

void Connection::Start() {
  // A handshake is the client's turn to speak; without it, it may take its time.
  SetDeadline(transport_.is_tls() ? server_->options.header_timeout_ms
                                  : server_->options.idle_timeout_ms);
  StartRead();
}

void Connection::Refuse() {
  // With TLS there is no answer without a handshake, which would cost more than it is worth.
  if (transport_.is_tls()) {
    Close();
    return;
  }
  draining_ = true;
  head_.http_1_1 = true;
  route_ = UnknownRoute();
  Respond(TextResponse(503, "too many connections"));
}

void Connection::Drain() {
  draining_ = true;
  if (state_ == State::kReading && !reader_ && input_.empty()) Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  // An end is all that tells some answers' end: what breaks off must not look like one.
  const bool cuts_answer = state_ == State::kWriting;
  state_ = State::kClosed;
  if (exchange_ != nullptr) exchange_->request.cancelled->store(true);
  exchange_.reset();
  if (counted_in_flight_) {
    server_->metrics.in_flight.fetch_sub(1);
    Audit(kClientLeft);
  }
  counted_in_flight_ = false;
  reader_.reset();
  cuts_answer ? transport_.Reset() : transport_.Close();
  owner_->Remove(shared_from_this());
}

void Connection::CheckDeadline(int64_t now_ms) {
  const bool waits = state_ == State::kAnswering || state_ == State::kWriting;
  if (waits && IsLost()) {
    Close();
    return;
  }
  if (HoldsUpOthers(now_ms)) {
    server_->metrics.timeouts.fetch_add(1);
    Close();
    return;
  }
  if (deadline_ms_ == 0 || now_ms < deadline_ms_) return;
  const bool in_request = state_ == State::kReading && reader_;
  if (in_request || state_ == State::kWriting) server_->metrics.timeouts.fetch_add(1);
  if (!in_request) {
    Close();
    return;
  }
  Response response = TextResponse(408, "408 Request Timeout");
  response.close = true;
  Respond(std::move(response));
}

bool Connection::IsLost() const {
  return write_lost_->load() || (exchange_ != nullptr && exchange_->is_lost.load());
}

// Whether a client that takes its answer slowly keeps a place that another one waits for.
bool Connection::HoldsUpOthers(int64_t now_ms) const {
  if (state_ != State::kWriting || exchange_ == nullptr || exchange_->pass == nullptr) return false;
  const int64_t waited_ms = waited_ms_ + (wait_begin_ms_ == 0 ? 0 : now_ms - wait_begin_ms_);
  const ServerOptions& options = server_->options;
  const auto written = static_cast<double>(output_.written());
  const double earned_ms = written * 1000 / static_cast<double>(options.least_bytes_per_second);
  return static_cast<double>(waited_ms - options.write_timeout_ms) > earned_ms &&
         exchange_->pass->is_wanted();
}

// --- Reading ------------------------------------------------------------------------------------

void Connection::StartRead() {
  if (reading_ || input_ended_ || state_ == State::kClosed) return;
  input_.Compact();
  if (input_.room() == 0) return;
  reading_ = true;
  transport_.AsyncRead(input_.Room(), input_.room(),
                       [self = shared_from_this()](const ErrorCode& error, size_t size) {
                         self->OnRead(error, size);
                       });
}

void Connection::OnRead(const ErrorCode& error, size_t size) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (error) {
    input_ended_ = true;
    if (exchange_ != nullptr) exchange_->request.cancelled->store(true);
    if (state_ == State::kReading || state_ == State::kLingering) Close();
    return;
  }
  input_.Commit(size);
  switch (state_) {
    case State::kReading:
      Advance();
      break;
    case State::kLingering:
      input_.Consume(input_.size());
      StartRead();
      break;
    case State::kAuthorizing:
    case State::kAnswering:
    case State::kWriting:
      StartRead();
      break;
    case State::kClosed:
      break;
  }
}

// Do something of a request. Where memory runs out there is no answer to wait for, and nothing else
// would end the connection.
template <typename Act>
void Connection::Guarded(Act act) {
  const bool was_advancing = std::exchange(advancing_, true);
  try {
    act();
  } catch (const std::exception& e) {
    server_->Log(std::string("request failed: ") + e.what());
    Close();
  }
  advancing_ = was_advancing;
}

// Work through the input until it is used up or a request is being answered. A loop and not a
// recursion: a client may send thousands of small requests at once.
void Connection::Advance() {
  if (advancing_) return;
  Guarded([this] {
    while (state_ == State::kReading && ParseSome()) {
    }
  });
  if (state_ == State::kReading && input_ended_) {
    Close();
    return;
  }
  StartRead();
}

// Parse what there is; false when more input is needed.
bool Connection::ParseSome() {
  if (!reader_) {
    // Some clients end a body with a line end that its length does not count.
    while (!input_.empty() && (*input_.data() == '\r' || *input_.data() == '\n')) input_.Consume(1);
    if (input_.empty()) {
      if (draining_) Close();
      return false;
    }
    BeginRequest();
  }
  if (input_.empty()) return false;
  ErrorCode error;
  const size_t used = reader_->put(asio::buffer(input_.data(), input_.size()), error);
  input_.Consume(used);
  if (error == beast::http::error::need_more) {
    if (input_.size() < InputBuffer::kCapacity) return false;
    error = beast::http::error::buffer_overflow;
  }
  if (error) {
    Respond(ParseErrorResponse(error));
    return true;
  }
  if (reader_->is_header_done() && !head_checked_ && !CheckHead()) return true;
  if (reader_->is_done()) Dispatch();
  return true;
}

void Connection::BeginRequest() {
  reader_.emplace(&head_, &body_, &server_->buffered_bytes, server_->options.max_buffered_bytes);
  reader_->header_limit(static_cast<uint32_t>(server_->options.max_header_bytes));
  reader_->body_limit(static_cast<uint64_t>(server_->options.max_body_bytes));
  head_checked_ = false;
  rules_ = server_->access->rules();
  route_ = UnknownRoute();
  route_name_.clear();
  exchange_.reset();
  SetDeadline(server_->options.header_timeout_ms);
}

// Look at the header before the body is read: what is refused here costs no memory. False when the
// request was refused (and answered).
bool Connection::CheckHead() {
  head_checked_ = true;
  const std::string& prefix = server_->options.route_prefix;
  if (head_.path.starts_with(prefix)) {
    route_ = FindRoute(std::string_view(head_.path).substr(prefix.size()), &route_name_);
  }
  if (auto refusal = RefuseHead(Routed())) {
    RefuseRequest(std::move(*refusal));
    return false;
  }
  return Authorize();
}

void Connection::RefuseRequest(Response refusal) {
  // The body was not read; what follows on this connection cannot be told from it.
  // Neither can it where the body has an encoding that is not spoken here.
  refusal.close = !reader_->is_done() || !head_.transfer_encoding.empty();
  Respond(std::move(refusal));
}

// False when the request was refused, or a password has to be checked first.
bool Connection::Authorize() {
  const Role role = Routed().role();
  AccessDecision decision = server_->access->Decide(*rules_, head_.authorization, role);
  head_.authorization.assign(head_.authorization.size(), '\0');
  head_.authorization.clear();
  if (decision.kind != AccessDecision::Kind::kNeedsCheck) return ActOn(decision);
  CheckPassword(role, std::move(decision));
  return false;
}

void Connection::CheckPassword(Role role, AccessDecision decision) {
  state_ = State::kAuthorizing;
  SetDeadline(0);
  const bool taken = server_->passwords.TrySubmit(
      [state = owner_->shared_state(), role, decision = std::move(decision),
       weak = weak_from_this(), weak_owner = owner_->weak_from_this()]() mutable {
        state->metrics.password_checks.fetch_add(1);
        state->access->CheckPassword(role, &decision);
        if (const auto owner = weak_owner.lock()) {
          owner->Post([weak, decision = std::move(decision)] {
            if (const auto self = weak.lock()) self->OnPasswordChecked(decision);
          });
        }
      });
  if (taken) return;
  state_ = State::kReading;
  RefuseRequest(TextResponse(503, "too many passwords are being checked"));
}

void Connection::OnPasswordChecked(const AccessDecision& decision) {
  if (state_ != State::kAuthorizing) return;
  state_ = State::kReading;
  Guarded([&] {
    if (ActOn(decision) && reader_->is_done()) Dispatch();
  });
  Advance();
}

// False when the request was refused.
bool Connection::ActOn(const AccessDecision& decision) {
  using Kind = AccessDecision::Kind;
  head_.account = decision.account;
  Response refusal;
  switch (decision.kind) {
    case Kind::kAllowed:
      return BeginBody();
    case Kind::kDenied:
    case Kind::kNeedsCheck:
      refusal = TextResponse(401, "Unauthorized");
      refusal.headers.emplace_back("WWW-Authenticate", rules_->challenge());
      break;
    case Kind::kTooLittle:
      refusal = TextResponse(403, std::string("this needs the role ") + RoleName(Routed().role()));
      break;
    case Kind::kMalformed:
      refusal = TextResponse(400, "malformed credentials");
      break;
  }
  RefuseRequest(std::move(refusal));
  return false;
}

bool Connection::BeginBody() {
  if (reader_->is_done()) return true;
  reader_->eager(true);
  SetDeadline(server_->options.body_timeout_ms);
  return head_.expect.empty() || !input_.empty() || SendContinue();
}

bool Connection::SendContinue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  ErrorCode error;
  // Nothing else is being sent, so so few bytes always fit into the socket's buffer.
  const size_t sent = transport_.WriteSome({asio::buffer(kContinue)}, error);
  if (!error && sent == kContinue.size()) return true;
  Close();
  return false;
}

// --- Answering ----------------------------------------------------------------------------------

void Connection::Dispatch() {
  state_ = State::kAnswering;
  may_run_here_ = false;
  request_end_us_ = SteadyUs();
  counted_in_flight_ = true;
  server_->metrics.in_flight.fetch_add(1, std::memory_order_relaxed);
  SetDeadline(0);

  const Route& route = Routes()[route_];
  if (head_.method == Method::kOptions) {
    Response response;
    response.status = 204;
    Respond(std::move(response));
    return;
  }
  Database* database = server_->database.load();
  if (database == nullptr && route.needs_database) {
    Respond(NotReady());
    return;
  }
  switch (route.kind) {
    case RouteKind::kWrite:
      DispatchWrite(database);
      break;
    case RouteKind::kInline: {
      Exchange exchange;
      exchange.request.head = head_;
      Answer(route, server_->MakeServices(database), &exchange);
      Respond(std::move(exchange.response));
      break;
    }
    case RouteKind::kState:
    case RouteKind::kList:
    case RouteKind::kRead:
    case RouteKind::kRemoteRead:
    case RouteKind::kPromql:
    case RouteKind::kMaintenance:
      DispatchToWorkers(route, database);
      break;
  }
}

// Let the database have the body. It answers by calling back: perhaps before Ingest returns,
// perhaps when this connection, or even the server, is gone.
void Connection::DispatchWrite(Database* database) {
  // A writer does not wait behind another client's answers.
  owner_->AsksAgain(this);
  const uint64_t serial = ++write_serial_;
  WriteMessage message;
  message.content_type = head_.content_type;
  message.content_encoding = head_.content_encoding;
  message.body = {reinterpret_cast<const uint8_t*>(body_.data()), body_.size()};
  WriteDone done = [weak = weak_from_this(), weak_owner = owner_->weak_from_this(), serial,
                    lost = write_lost_](arrow::Result<WriteReport> outcome) {
    const auto owner = weak_owner.lock();
    if (owner == nullptr) return;
    if (owner->has_turn()) {
      const auto self = weak.lock();
      if (self != nullptr && self->in_ingest_ && self->write_serial_ == serial) {
        self->early_outcome_ = std::move(outcome);
        return;
      }
    }
    OrLose(lost.get(), [&] {
      owner->Post([weak, serial, outcome = std::move(outcome)]() mutable {
        if (const auto self = weak.lock()) self->OnWriteDone(serial, std::move(outcome));
      });
    });
  };
  in_ingest_ = true;
  try {
    database->Ingest(message, std::move(done));
  } catch (const std::exception& e) {
    early_outcome_ =
        MakeError(ErrorKind::kInternal, std::string("unexpected failure: ") + e.what());
  }
  in_ingest_ = false;
  if (!early_outcome_) return;
  auto outcome = *std::exchange(early_outcome_, std::nullopt);
  OnWriteDone(serial, std::move(outcome));
}

void Connection::OnWriteDone(uint64_t serial, arrow::Result<WriteReport> outcome) {
  if (state_ != State::kAnswering || serial != write_serial_) return;
  if (!outcome.ok() && HttpStatusOf(outcome.status()) == 500) {
    server_->Log("write failed: " + outcome.status().ToString());
  }
  Respond(AnswerWrite(outcome, IsRemoteWrite2(head_.content_type)));
}

void Connection::DispatchToWorkers(const Route& route, Database* database) {
  // No other thread need wake up for what is quick, if nobody else seems to wait for the loop.
  const bool is_alone = owner_->AsksAgain(this);
  may_run_here_ = is_alone && answers_are_quick_ &&
                  (route.kind == RouteKind::kPromql || route.kind == RouteKind::kList ||
                   route.kind == RouteKind::kRead);
  exchange_ = std::make_shared<Exchange>();
  exchange_->request.head = head_;
  exchange_->request.body = std::move(body_);
  exchange_->request.name = route_name_;
  if (Submit(route, database)) return;
  exchange_.reset();
  Respond(ErrorResponse(MakeError(ErrorKind::kOverloaded, "too many requests are waiting")));
}

// Have the answer to `exchange_` made by other threads; false where too many wait for that.
bool Connection::Submit(const Route& route, Database* database) {
  std::function<void()> work = [exchange = exchange_, &route, database,
                                state = owner_->shared_state(), weak = weak_from_this(),
                                weak_owner = owner_->weak_from_this()] {
    OrLose(&exchange->is_lost, [&] {
      Answer(route, state->MakeServices(database), exchange.get());
      if (exchange->response.status == 500) state->Log("failed: " + exchange->response.body);
      const bool wants_body = exchange->request.head.method != Method::kHead;
      const bool draws_on =
          wants_body && exchange->stream != nullptr && exchange->pieces.BeginDrawing();
      const auto owner = weak_owner.lock();
      if (owner == nullptr) return;
      auto send = [weak] {
        if (const auto self = weak.lock()) self->OnAnswered();
      };
      if (!draws_on) {
        owner->RunOrPost(std::move(send));
        return;
      }
      // The loop sends, while this thread draws on.
      owner->Post(std::move(send));
      IoThread::LeaveLoop();
      Draw(exchange.get(), owner.get(), weak);
    });
  };
  const bool is_promql = route.kind == RouteKind::kPromql;
  if (!is_promql && route.kind != RouteKind::kRemoteRead) {
    WorkerPool& workers = server_->WorkersOf(route.kind);
    return (may_run_here_ && IoThread::TryRunHere(&workers, work)) ||
           workers.TrySubmit(std::move(work));
  }
  Gate& gate = is_promql ? *server_->promql : *server_->remote_reads;
  return gate.Enter([kind = route.kind, runs_here = may_run_here_,
                     weak_owner = owner_->weak_from_this(), exchange = std::weak_ptr(exchange_),
                     state = std::weak_ptr(owner_->shared_state()),
                     work = std::move(work)](std::shared_ptr<Gate::Pass> pass) mutable {
    const auto waiting = exchange.lock();
    const auto server = state.lock();
    // A client that left gives its turn to the next, by the pass that goes here.
    if (waiting == nullptr || server == nullptr || waiting->request.cancelled->load()) return;
    waiting->pass = std::move(pass);
    OrLose(&waiting->is_lost, [&] {
      WorkerPool& workers = server->WorkersOf(kind);
      // Not where one who leaves lets it in on another loop.
      const auto owner = weak_owner.lock();
      const bool is_at_home = owner != nullptr && owner->has_turn();
      if (runs_here && is_at_home && IoThread::TryRunHere(&workers, work)) return;
      workers.Submit(std::move(work));
    });
  });
}

void Connection::OnAnswered() {
  if (state_ != State::kAnswering) return;
  streaming_ = exchange_->stream != nullptr;
  Respond(std::move(exchange_->response));
}

void Connection::Respond(Response response) {
  if (!counted_in_flight_) request_end_us_ = SteadyUs();
  AddCors(Routed(), &response);
  if (rules_ != nullptr) {
    for (const auto& [name, value] : rules_->headers()) response.headers.emplace_back(name, value);
  }
  status_ = response.status;
  keep_alive_ = head_.keep_alive && !response.close && !draining_ && reader_.has_value();

  Framing framing;
  framing.http_1_1 = head_.http_1_1;
  framing.chunked = streaming_ && head_.http_1_1;
  // Without a length the end of the connection is the end of the body.
  if (streaming_ && !head_.http_1_1) keep_alive_ = false;
  framing.keep_alive = keep_alive_;
  framing.has_length = !streaming_ && !IsBodiless(response.status);
  framing.content_length = response.body.size();
  chunked_ = framing.chunked;

  AppendHead(response, framing, owner_->DateText(), output_.BeginHead());
  waited_ms_ = 0;
  if (head_.method == Method::kHead) {
    streaming_ = false;
  } else {
    output_.SetBody(std::move(response.body));
  }
  streaming_ ? SendPiece() : BeginWrite();
}

// --- Writing ------------------------------------------------------------------------------------

// Send the next piece, behind the head where that is still here, and have others drawn meanwhile.
// Without one yet, OnPiece comes.
void Connection::SendPiece() {
  auto piece = exchange_->pieces.Take();
  if (exchange_->pieces.BeginDrawing()) DrawOn();
  if (!piece) return;
  if (!piece->status.ok()) {
    // The head said 200. Only cutting the connection tells the client that this is not all.
    server_->metrics.aborted_streams.fetch_add(1);
    status_ = HttpStatusOf(piece->status);
    if (status_ != 499) server_->Log("stream failed: " + piece->status.ToString());
    RecordRequest();
    server_->metrics.in_flight.fetch_sub(1, std::memory_order_relaxed);
    counted_in_flight_ = false;
    Close();
    return;
  }
  if (piece->more) {
    output_.SetPiece(&piece->bytes, chunked_);
    exchange_->pieces.Return(std::move(piece->bytes));
  } else {
    output_.SetEnd(piece->trailer, chunked_);
    streaming_ = false;
  }
  BeginWrite();
}

void Connection::DrawOn() {
  auto work = [exchange = exchange_, weak = weak_from_this(),
               weak_owner = owner_->weak_from_this()] {
    OrLose(&exchange->is_lost, [&] {
      if (const auto owner = weak_owner.lock()) Draw(exchange.get(), owner.get(), weak);
    });
  };
  OrLose(&exchange_->is_lost,
         [&] { server_->WorkersOf(Routes()[route_].kind).Submit(std::move(work)); });
}

// Draw pieces of `exchange` after BeginDrawing, on any thread. They are sent by the loop's thread,
// which goes on in that while the next ones are drawn.
void Connection::Draw(Exchange* exchange, IoThread* owner, const std::weak_ptr<Connection>& weak) {
  DrawPieces(exchange, [&] { PostOnPiece(owner, weak); });
}

void Connection::PostOnPiece(IoThread* owner, std::weak_ptr<Connection> weak) {
  owner->Post([weak = std::move(weak)] {
    if (const auto self = weak.lock()) self->OnPiece();
  });
}

void Connection::OnPiece() {
  if (state_ == State::kWriting && streaming_ && !write_pending_) SendPiece();
}

void Connection::BeginWrite() {
  state_ = State::kWriting;
  SetDeadline(server_->options.write_timeout_ms);
  WriteMore();
}

void Connection::WriteMore() {
  ErrorCode error;
  const uint64_t written = output_.written();
  write_pending_ = !output_.Write(&transport_, error);
  if (!write_pending_) {
    OnWritten();
    return;
  }
  if (error != asio::error::would_block) {
    Close();
    return;
  }
  if (output_.written() != written) SetDeadline(server_->options.write_timeout_ms);
  wait_begin_ms_ = SteadyMs();
  transport_.AsyncWaitWritable([self = shared_from_this()](const ErrorCode& wait_error) {
    if (self->state_ != State::kWriting) return;
    self->waited_ms_ += SteadyMs() - std::exchange(self->wait_begin_ms_, 0);
    wait_error ? self->Close() : self->WriteMore();
  });
}

void Connection::OnWritten() {
  if (!streaming_) {
    FinishRequest();
    return;
  }
  // The client owes nothing while the next piece is being drawn.
  SetDeadline(0);
  // In its turn: pieces may come as fast as they are sent, and other connections wait too.
  OrLose(&exchange_->is_lost, [&] { PostOnPiece(owner_, weak_from_this()); });
}

void Connection::Audit(int status) const {
  if (!server_->options.audit) return;
  if (const auto line = AuditLine(Routed(), transport_.peer(), status)) {
    server_->options.audit(*line);
  }
}

void Connection::RecordRequest() {
  const uint64_t body_bytes = reader_ ? reader_->body_bytes() : 0;
  const int64_t took_us = SteadyUs() - request_end_us_;
  if (exchange_ != nullptr) {
    // What takes about as long as the loop's thread may be away is not tried anew each time.
    const auto limit = may_run_here_ ? LoopRelay::kPatience : LoopRelay::kPatience / 2;
    answers_are_quick_ = took_us < limit.count();
  }
  server_->metrics.RecordRequest(route_, status_, took_us, body_bytes, output_.written());
  Audit(status_);
}

void Connection::FinishRequest() {
  RecordRequest();
  if (counted_in_flight_) server_->metrics.in_flight.fetch_sub(1, std::memory_order_relaxed);
  counted_in_flight_ = false;
  reader_.reset();
  // A worker may still hold the exchange; its place is free now.
  if (exchange_ != nullptr) exchange_->pass.reset();
  exchange_.reset();
  if (body_.capacity() > kKeptBodyBytes) std::string().swap(body_);
  output_.Trim(kKeptBodyBytes);
  if (!keep_alive_) {
    Linger();
    return;
  }
  state_ = State::kReading;
  SetDeadline(server_->options.idle_timeout_ms);
  if (owner_->is_own_thread() || input_.empty()) {
    Advance();
    return;
  }
  // The next request is the loop's: the worker that sent this answer has others to make.
  Guarded([this] {
    owner_->Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Advance();
    });
  });
}

// Let the client read the answer before the connection goes: closing with unread input would
// reset it, and the answer be lost.
void Connection::Linger() {
  state_ = State::kLingering;
  ErrorCode error;
  transport_.ShutdownSend(error);
  if (error || input_ended_) {
    Close();
    return;
  }
  input_.Consume(input_.size());
  SetDeadline(server_->options.linger_timeout_ms);
  StartRead();
}

}  // namespace larnax::http
