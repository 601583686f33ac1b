// Place: a field of the message that is being converted, by its path, and where to say what is wrong with it. A value
// that lives as long as the Findings it points at; one thread. Private to the conversions (*_from_xds.cc) and
// bootstrap.cc.
#ifndef WEFT_PROXY_CONFIG_PLACE_H_
#define WEFT_PROXY_CONFIG_PLACE_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "proxy/config/from_xds.h"

namespace weft::config {

class Place {
 public:
  explicit Place(Findings* findings, std::string path = "") : findings_(findings), path_(std::move(path)) {}

  Place Field(std::string_view name) const;
  Place Field(std::string_view name, size_t index) const;        // name[index]
  Place Key(std::string_view name, std::string_view key) const;  // name["key"]

  void Problem(std::string what) const { findings_->problems.push_back({path_, std::move(what)}); }
  void Note(std::string what) const { findings_->notes.push_back({path_, std::move(what)}); }
  // "known to Envoy, not supported by Weft yet", with what is meant when the field alone does not say it.
  void Unsupported(std::string_view what = "") const;
  void Refer(Reference::Kind kind, std::string name) const {
    findings_->references.push_back({kind, path_, std::move(name)});
  }

  // Forgets the references of `kind` that were made here and below.
  void Forget(Reference::Kind kind) const;

  const std::string& path() const { return path_; }

 private:
  Findings* findings_;
  std::string path_;
};

// Every field of `message` that is set must be in one of the lists: `read` by the caller, or `ignored`, which makes a
// note. All others are refused as not supported, so that a field which is added to our .proto files is never dropped in
// silence.
struct KnownFields {
  std::initializer_list<std::string_view> read;
  std::initializer_list<std::string_view> ignored = {};
};
void CheckFields(const google::protobuf::Message& message, const Place& place, const KnownFields& known);

// Fields that are not in our .proto files, here and below, but not inside of Any: a problem within matches, TLS and
// RBAC, because a dropped matcher would widen the rule; elsewhere a note.
void CheckUnknown(const google::protobuf::Message& message, const Place& place);

bool UnpackTo(const google::protobuf::Any& any, const Place& place, google::protobuf::Message* out);
// What Any holds when it is a T; false without a word when it is another type. Its unknown fields are checked.
template <typename T>
bool Unpack(const google::protobuf::Any& any, const Place& place, T* out) {
  return any.Is<T>() && UnpackTo(any, place, out);
}

// The message's full name, without "type.googleapis.com/".
std::string TypeName(const google::protobuf::Any& any);
// For an Any whose type nobody here reads (known_types.cc).
void RefuseType(const google::protobuf::Any& any, const Place& place, std::string_view expected);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_PLACE_H_
