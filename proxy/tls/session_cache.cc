#include "proxy/tls/session_cache.h"

#include <utility>

namespace weft::tls {
namespace {

int Index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

SessionCache& SessionCache::ForThisThread() {
  static thread_local SessionCache cache;
  return cache;
}

bssl::UniquePtr<SSL_SESSION> SessionCache::Take(const SessionKey& key) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) return nullptr;
  bssl::UniquePtr<SSL_SESSION> session = std::move(found->second);
  sessions_.erase(found);
  return session;
}

void SessionCache::Put(const SessionKey& key, bssl::UniquePtr<SSL_SESSION> session) {
  if (sessions_.size() >= kMaxSessions && !sessions_.contains(key)) {
    // A lower number is an older context; its successor will not ask for these.
    auto victim = sessions_.begin();
    for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
      if (it->first.context < victim->first.context) victim = it;
    }
    sessions_.erase(victim);
  }
  sessions_[key] = std::move(session);
}

void SessionCache::Attach(SSL* ssl, const SessionKey* key) {
  SSL_set_ex_data(ssl, Index(), const_cast<SessionKey*>(key));
}

int SessionCache::OnNewSession(SSL* ssl, SSL_SESSION* session) {
  const auto* key = static_cast<const SessionKey*>(SSL_get_ex_data(ssl, Index()));
  if (key == nullptr || key->context == 0) return 0;  // BoringSSL keeps its reference
  ForThisThread().Put(*key, bssl::UniquePtr<SSL_SESSION>(session));
  return 1;
}

}  // namespace weft::tls
