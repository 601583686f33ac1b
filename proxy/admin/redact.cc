#include "proxy/admin/redact.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "envoy/config/core/v3/core.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"

namespace weft::admin {
namespace {

using google::protobuf::Any;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Fields whose content is secret, whatever message they stand in.
bool IsSecret(const std::string& field) {
  return field == "private_key" || field == "password" || field == "pkcs12" || field == "session_ticket_keys" ||
         field == "generic_secret" || field == "private_key_provider" || field == "credentials" ||
         field == "call_credentials";
}

bool IsSecretHeader(const std::string& name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return lower == "authorization" || lower == "proxy-authorization" || lower == "cookie" || lower == "set-cookie" ||
         lower.find("token") != lower.npos || lower.find("api-key") != lower.npos;
}

// Every text in it, but not file names.
void BlackOut(Message* message);

void BlackOutField(Message* message, const FieldDescriptor* field) {
  const Reflection* reflection = message->GetReflection();
  if (field->name() == "filename") return;
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (!field->is_repeated()) return BlackOut(reflection->MutableMessage(message, field));
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      BlackOut(reflection->MutableRepeatedMessage(message, field, i));
    }
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    if (!field->is_repeated()) return reflection->SetString(message, field, kRedacted);
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      reflection->SetRepeatedString(message, field, i, kRedacted);
    }
  } else {
    reflection->ClearField(message, field);
  }
}

void BlackOut(Message* message) {
  if (message->GetDescriptor()->full_name() == Any::descriptor()->full_name()) {
    message->Clear();
    return;
  }
  // What an operator looks for is that there is a key, not in which of the oneof's members.
  if (auto* source = dynamic_cast<envoy::config::core::v3::DataSource*>(message)) {
    if (!source->has_filename()) source->set_inline_string(kRedacted);
    return;
  }
  std::vector<const FieldDescriptor*> fields;
  message->GetReflection()->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) BlackOutField(message, field);
}

void RedactAny(Any* any) {
  const std::string name = any->type_url().substr(any->type_url().rfind('/') + 1);
  const Descriptor* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (descriptor == nullptr) return any->clear_value();
  const std::unique_ptr<Message> inner(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (!inner->ParseFromString(any->value())) return any->clear_value();
  Redact(inner.get());
  inner->SerializeToString(any->mutable_value());
}

}  // namespace

void Redact(Message* message) {
  if (auto* any = dynamic_cast<Any*>(message)) return RedactAny(any);
  if (auto* header = dynamic_cast<envoy::config::core::v3::HeaderValue*>(message)) {
    if (IsSecretHeader(header->key())) header->set_value(kRedacted);
    return;
  }
  const Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsSecret(field->name())) {
      BlackOutField(message, field);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
        Redact(reflection->MutableRepeatedMessage(message, field, i));
      }
    } else {
      Redact(reflection->MutableMessage(message, field));
    }
  }
}

}  // namespace weft::admin
