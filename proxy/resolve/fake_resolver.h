// For tests: a Resolver that answers what it is told, when it is told.
#ifndef WEFT_PROXY_RESOLVE_FAKE_RESOLVER_H_
#define WEFT_PROXY_RESOLVE_FAKE_RESOLVER_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "proxy/resolve/resolver.h"

namespace weft::resolve {

class FakeResolver final : public Resolver {
 public:
  std::unique_ptr<Watch> StartWatch(Query query, OnAnswer on_answer) override {
    return std::make_unique<Name>(*this, std::move(query), std::move(on_answer));
  }

  // To everyone who watches the name now.
  void Tell(const std::string& name, const Answer& answer) {
    const auto watched = watched_;
    for (const auto& [key, watch] : watched) {
      if (key == name) watch->on_answer(answer);
    }
  }
  size_t watches(const std::string& name) const { return watched_.count(name); }
  size_t started() const { return started_; }

 private:
  struct Name final : Watch {
    Name(FakeResolver& resolver_in, Query query_in, OnAnswer on_answer_in)
        : resolver(resolver_in), query(std::move(query_in)), on_answer(std::move(on_answer_in)) {
      resolver.watched_.emplace(query.name, this);
      ++resolver.started_;
    }
    ~Name() override {
      std::erase_if(resolver.watched_, [this](const auto& entry) { return entry.second == this; });
    }
    FakeResolver& resolver;
    const Query query;
    const OnAnswer on_answer;
  };
  std::multimap<std::string, Name*> watched_;
  size_t started_ = 0;
};

}  // namespace weft::resolve

#endif  // WEFT_PROXY_RESOLVE_FAKE_RESOLVER_H_
