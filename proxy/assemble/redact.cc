#include "proxy/assemble/redact.h"

#include <memory>
#include <string>
#include <vector>

namespace weft::assemble {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kRedacted[] = "[redacted]";

bool IsSecretField(const FieldDescriptor& field) {
  const std::string& message = field.containing_type()->full_name();
  const std::string& name = field.name();
  if (message == "envoy.extensions.transport_sockets.tls.v3.TlsCertificate")
    return name == "private_key" || name == "password" || name == "pkcs12";
  if (message == "envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys") return name == "keys";
  return message == "envoy.extensions.transport_sockets.tls.v3.GenericSecret";
}

// Of a DataSource: what lies in a file or a variable is no secret by itself.
void RedactSource(Message* source) {
  const Reflection& reflection = *source->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(*source, &fields);
  for (const FieldDescriptor* field : fields) {
    if (!field->is_repeated() && field->name().rfind("inline_", 0) == 0) reflection.SetString(source, field, kRedacted);
  }
}

template <class Call>
void ForEach(Message* message, const FieldDescriptor& field, Call call) {
  const Reflection& reflection = *message->GetReflection();
  if (!field.is_repeated()) return call(reflection.MutableMessage(message, &field));
  for (int i = 0; i < reflection.FieldSize(*message, &field); ++i)
    call(reflection.MutableRepeatedMessage(message, &field, i));
}

}  // namespace

void Redact(Message* message) {
  if (auto* any = dynamic_cast<google::protobuf::Any*>(message)) return RedactAny(any);
  std::vector<const FieldDescriptor*> fields;
  message->GetReflection()->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    ForEach(message, *field, IsSecretField(*field) ? &RedactSource : &Redact);
  }
}

void RedactAny(google::protobuf::Any* any) {
  const std::string& url = any->type_url();
  const std::string name = url.substr(url.rfind('/') + 1);
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (type == nullptr) return any->clear_value();
  const std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!message->ParseFromString(any->value())) return any->clear_value();
  Redact(message.get());
  message->SerializeToString(any->mutable_value());
}

}  // namespace weft::assemble
