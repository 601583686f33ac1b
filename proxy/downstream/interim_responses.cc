#include "proxy/downstream/interim_responses.h"

#include <utility>

#include "proxy/codec/h1/writer.h"

namespace weft::downstream {
namespace {

constexpr runtime::Duration kFirstProbe = std::chrono::seconds(1);
constexpr runtime::Duration kNextProbe = std::chrono::seconds(5);

}  // namespace

void InterimResponses::OnInterim(const http::ResponseHead& head) {
  if (!allowed_ || unsent_ != nullptr) return;  // it may be left out, so a client that does not read holds one at most
  base::ByteChain out;
  codec::h1::WriteResponseHead(head, {}, &out);
  struct iovec pieces[16];
  const net::IoResult put = client_.TryWrite(pieces, out.FillIovecs(pieces, 16));
  if (put.state == net::IoState::kOk) out.Consume(put.bytes);
  if (put.state == net::IoState::kWouldBlock || out.empty()) return;
  unsent_ = std::make_unique<base::ByteChain>(std::move(out));  // but not be torn
}

void InterimResponses::ClientHasFinished() {
  if (allowed_) reactor_.timers().Arm(this, reactor_.now() + kFirstProbe);
}

void InterimResponses::OnTimer() {
  http::ResponseHead nothing;
  nothing.status = 100;
  nothing.reason = "Continue";
  OnInterim(nothing);
  reactor_.timers().Arm(this, reactor_.now() + kNextProbe);
}

base::ByteChain InterimResponses::TakeUnsent() {
  base::ByteChain out;
  if (const auto unsent = std::move(unsent_); unsent != nullptr) out.Append(std::move(*unsent));
  return out;
}

}  // namespace weft::downstream
