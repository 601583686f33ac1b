// Table: a RouteConfiguration compiled for the data path. Made by assemble/ on the main thread, then immutable and
// shared by all workers. A request finds its virtual host by one hash lookup, then the first rule that matches.
#ifndef WEFT_PROXY_ROUTE_TABLE_H_
#define WEFT_PROXY_ROUTE_TABLE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/string_map.h"
#include "proxy/config/route_spec.h"
#include "proxy/http/message.h"
#include "proxy/route/header_changes.h"
#include "proxy/route/matchers.h"
#include "proxy/route/rewrite.h"

namespace weft::route {

// One of several clusters of a Forward, chosen by weight.
struct Target {
  std::string cluster;
  uint64_t weight_up_to = 0;  // the sum of the weights so far
  HeaderChanges request_headers, response_headers;
};

struct Forward {
  config::ForwardSpec spec;
  std::optional<RegexRewrite> regex;
  std::vector<Target> targets;
  uint64_t total_weight = 0;
  bool changes_response = false;  // some target changes the headers of responses
};

struct Redirect {
  config::RedirectSpec spec;
  std::optional<RegexRewrite> regex;
};

// A route.
struct Rule {
  std::string name;
  RequestMatcher matcher;
  std::variant<Forward, Redirect, config::DirectResponseSpec> action;
  // Those of the route, the virtual host and the table, in the order in which they are applied.
  std::vector<HeaderChanges> request_headers, response_headers;
};

struct VirtualHost {
  std::string name;
  config::VirtualHostSpec::RequireTls require_tls = config::VirtualHostSpec::RequireTls::kNone;
  std::vector<Rule> rules;

  const Rule* Find(const http::RequestHead& request, uint64_t random) const;
};

class Table {
 public:
  // The error names the virtual host, the route and the field.
  static absl::StatusOr<std::shared_ptr<const Table>> Compile(const config::RouteTableSpec& spec);

  // By the request's authority: exact, then the longest suffix ("*.b"), the longest prefix ("a.*"), then "*". Null:
  // none.
  const VirtualHost* FindHost(http::RequestHead& request) const;
  const std::string& name() const { return name_; }

 private:
  struct Wildcard {
    std::string text;  // without its star
    const VirtualHost* host;
  };
  absl::Status AddHost(const config::RouteTableSpec& spec, const config::VirtualHostSpec& host);
  absl::Status AddDomain(const std::string& domain, const VirtualHost* host);

  std::string name_;
  bool ignore_port_ = false;
  std::vector<std::unique_ptr<VirtualHost>> hosts_;
  base::StringMap<const VirtualHost*> exact_;
  std::vector<Wildcard> suffixes_, prefixes_;  // longest first
  const VirtualHost* any_ = nullptr;
};

}  // namespace weft::route

#endif  // WEFT_PROXY_ROUTE_TABLE_H_
